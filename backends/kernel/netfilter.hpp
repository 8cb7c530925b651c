// SPDX-License-Identifier: Apache-2.0
// All that napt: kernel asks of the kernel's netfilter, as one interface, so that it can be
// asked from the other side of a process boundary (remote_netfilter.hpp): each of these needs
// CAP_NET_ADMIN each time. LocalNetfilter is the real one.
//
// Control thread; errors are OsErrors.
#pragma once

#include "backends/kernel/conntrack_view.hpp"
#include "backends/kernel/nft_ruleset.hpp"
#include "backends/kernel/nft_table.hpp"
#include "core/verdict.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

namespace nat64::kernel {

/// Flows by protocol.
using FlowSum = std::array<std::uint64_t, kL4ProtoCount>;

/// One pass over conntrack's flows that begin in the inner pool.
class FlowReader {
public:
    virtual ~FlowReader() = default;

    /// Appends the next flows, some hundred or none. False at the end.
    virtual bool next(std::vector<ConntrackFlow>& flows) = 0;

    /// The same, for who only wants to know how many: adds them to `sum`.
    virtual bool count(FlowSum& sum);
};

class Netfilter {
public:
    virtual ~Netfilter() = default;

    /// Adds the table, or changes it by difference: flows that live keep their timeouts.
    virtual void set_table(const RulesetSettings& settings) = 0;

    /// Whether the table was gone; it has been added again then.
    virtual bool restore_table_if_gone() = 0;

    /// Of the inner pool of the table, which has been set.
    [[nodiscard]] virtual std::unique_ptr<FlowReader> flows() = 0;

    /// Ends them. Returns how many were still there.
    virtual std::size_t forget(const std::vector<ConntrackFlow>& flows) = 0;
};

class LocalNetfilter final : public Netfilter {
public:
    void set_table(const RulesetSettings& settings) override;
    bool restore_table_if_gone() override;
    [[nodiscard]] std::unique_ptr<FlowReader> flows() override;
    std::size_t forget(const std::vector<ConntrackFlow>& flows) override;

    /// What the table's rules have refused so far.
    [[nodiscard]] DropSum drops();

private:
    std::optional<NftTable> table_;
    Prefix4 inner_pool_;
};

/// All of them, for when there are not many.
[[nodiscard]] std::vector<ConntrackFlow> list_flows(Netfilter& netfilter);

} // namespace nat64::kernel
