// SPDX-License-Identifier: Apache-2.0
// The source of ICMPv6 errors of our own where they cannot come from the prefix: one of the
// machine's IPv6 addresses. Another one is chosen when that goes or is deprecated (a provider
// renumbers), and one as soon as there is any. Control thread.
#pragma once

#include "core/net/address.hpp"
#include "platform/host_ops.hpp"
#include "platform/machine_monitor.hpp"

#include <functional>
#include <optional>

namespace nat64::daemon {

class Gateway6Keeper {
public:
    /// `chosen` at the start.
    Gateway6Keeper(std::optional<Ipv6Addr> chosen,
                   platform::HostOps& host,
                   platform::MachineMonitor& monitor);
    Gateway6Keeper(const Gateway6Keeper&) = delete;
    Gateway6Keeper& operator=(const Gateway6Keeper&) = delete;
    ~Gateway6Keeper() = default;

    /// From now on `changed` gets another choice, or nullopt when there is none left.
    void start(std::function<void(std::optional<Ipv6Addr>)> changed);

private:
    void on_change(const platform::MachineChange& change);
    [[nodiscard]] bool concerns(const platform::MachineChange& change) const;
    void look();

    std::optional<Ipv6Addr> chosen_;
    platform::HostOps& host_;
    std::function<void(std::optional<Ipv6Addr>)> changed_;
};

} // namespace nat64::daemon
