// SPDX-License-Identifier: Apache-2.0
// What /metrics says: one table of metric families, each with its name, help and what reads it.
// docs/counters.md lists the same table. How many samples there are is bounded whatever the
// traffic: labels are directions, protocols, drop reasons and, of small pools, addresses; never
// clients or servers. Text and types are prometheus-cpp's; serving them is metrics_server.hpp.
// Reads what it is given and, through that, conntrack's sysctls.
#pragma once

#include "service/control_status.hpp"
#include "service/daemon_view.hpp"
#include "service/process_use.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <prometheus/collectable.h>
#include <prometheus/metric_family.h>

namespace nat64::service {

/// The pool at one moment: all of it in sum, and its addresses one by one if they are few.
struct PoolUse {
    /// Larger pools have one sample for all addresses.
    static constexpr std::size_t kListedAddresses = 32;

    PoolSum sum;
    std::vector<PoolRow> rows; ///< of the first addresses

    /// Rows of one address come one after the other.
    void add(const PoolRow& row);

    [[nodiscard]] bool is_listed() const noexcept { return sum.addresses <= kListedAddresses; }
};

/// What our metrics are at one moment, for prometheus-cpp.
class Metrics final : public prometheus::Collectable {
public:
    Metrics(const DaemonView& view, const PoolUse& pool, const ProcessUse& process)
        : view_{view}, pool_{pool}, process_{process} {}

    [[nodiscard]] std::vector<prometheus::MetricFamily> Collect() const override;

private:
    const DaemonView& view_;
    const PoolUse& pool_;
    const ProcessUse& process_;
};

/// In the text format that Prometheus scrapes.
[[nodiscard]] std::string
metrics_text(const DaemonView& view, const PoolUse& pool, const ProcessUse& process);

/// A family as it is documented.
struct MetricInfo {
    std::string_view name;
    std::string_view type;   ///< counter or gauge
    std::string_view labels; ///< separated by commas
    std::string_view help;
};

[[nodiscard]] std::vector<MetricInfo> documented_metrics();

} // namespace nat64::service
