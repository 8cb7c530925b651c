// SPDX-License-Identifier: Apache-2.0
// An address of the pool that turns up on an interface of this machine: from then on the
// kernel takes its packets, replies to our clients among them. A start refuses that; while we
// run it is reported, and the address is given to nobody until it has gone from the interface
// again. Control thread.
#pragma once

#include "config/config.hpp"
#include "platform/host_ops.hpp"
#include "platform/machine_monitor.hpp"

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace nat64::daemon {

/// Those of the machine's addresses that the pool has or that are the gateway's, ascending.
[[nodiscard]] std::vector<Ipv4Addr>
own_in_pool(const std::vector<PoolItem>& pool,
            std::optional<Ipv4Addr> gateway4,
            std::span<const platform::LocalAddress> addresses);

class PoolWatch {
public:
    /// `running` is the configuration in force, which changes. `monitor` has begun to listen.
    PoolWatch(const config::Config& running,
              platform::HostOps& host,
              platform::MachineMonitor& monitor);
    PoolWatch(const PoolWatch&) = delete;
    PoolWatch& operator=(const PoolWatch&) = delete;
    ~PoolWatch() = default;

    /// From now on: `changed` gets the pool's addresses that are the machine's, now if there
    /// are any, and whenever they are others.
    void start(std::function<void(const std::vector<Ipv4Addr>&)> changed);

    /// What `show status` says, a line each.
    [[nodiscard]] std::vector<std::string> warnings() const;

private:
    void on_change(const platform::MachineChange& change);
    void look();
    void report(const std::vector<Ipv4Addr>& now) const;

    const config::Config& running_;
    const std::vector<PoolItem> pool_; ///< of the start: all that may ever be given out
    platform::HostOps& host_;
    std::vector<Ipv4Addr> own_;
    std::function<void(const std::vector<Ipv4Addr>&)> changed_;
};

} // namespace nat64::daemon
