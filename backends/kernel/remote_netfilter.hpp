// SPDX-License-Identifier: Apache-2.0
// Netfilter from the other side of the process boundary (platform/privileged_process.hpp):
// RemoteNetfilter asks, serve_netfilter() answers. Whoever asks may be a stranger by then, so
// rules are never taken from there, only settings they are computed from: timeouts, limits,
// whether IPv6 is tracked. No flows are shown or ended but those of the inner pool named at the
// start.
#pragma once

#include "backends/kernel/netfilter.hpp"
#include "platform/privileged_process.hpp"

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace nat64::kernel {

/// What serve_netfilter() agrees to.
struct NetfilterRules {
    std::string tun_name;
    rfc6052::Nat64Prefix prefix;
    Prefix4 inner_pool;
    std::function<ForwardOthers()> others; ///< at the time
};

/// `netfilter` outlives `requests`.
void serve_netfilter(platform::Requests& requests, Netfilter& netfilter, NetfilterRules rules);

class RemoteNetfilter final : public Netfilter {
public:
    explicit RemoteNetfilter(platform::PrivilegedProcess& process) : process_{process} {}

    void set_table(const RulesetSettings& settings) override;
    bool restore_table_if_gone() override;
    /// The reader outlives neither this nor the process.
    [[nodiscard]] std::unique_ptr<FlowReader> flows() override;
    std::size_t forget(const std::vector<ConntrackFlow>& flows) override;

private:
    platform::PrivilegedProcess& process_;
};

} // namespace nat64::kernel
