// SPDX-License-Identifier: Apache-2.0
// `show status`: one object with everything that has one value, from counters, configuration
// and a sum over the pool.
#pragma once

#include "service/daemon_view.hpp"

#include <array>
#include <cstdint>
#include <optional>
#include <string>

namespace nat64::service {

/// The pool, summed up row by row.
struct PoolSum {
    std::uint64_t addresses = 0;
    std::optional<PoolRow> whole_hosts; ///< of a pool whose addresses are given out whole

    struct Ports {
        std::uint64_t total = 0;
        std::uint64_t used = 0;
        std::uint64_t held_back = 0;
    };

    std::array<Ports, kL4ProtoCount> ports; ///< [L4Proto]

    /// Rows of one address come one after the other.
    void add(const PoolRow& row);

private:
    std::optional<Ipv4Addr> last_;
};

/// How many there are.
[[nodiscard]] std::uint64_t sessions_now(const Counters& counters, L4Proto protocol);
[[nodiscard]] std::uint64_t bindings_now(const Counters& counters, L4Proto protocol);

/// docs/control-protocol.md describes it. Without `sessions` the counters say how many there
/// are.
[[nodiscard]] std::string status_json(const DaemonView& view,
                                      const PoolSum& pool,
                                      const std::optional<CountedSessions>& sessions = {});

} // namespace nat64::service
