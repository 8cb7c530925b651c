// SPDX-License-Identifier: Apache-2.0
// Keeps the policy of the packet thread right: what the configuration says about clients and
// destinations, and the machine's own IPv4 addresses, which change while we run: those of its
// interfaces, and prefixes that local routes make its own (`ip route add local`). Each change
// makes a new Policy here, on the control thread, and hands it over as a whole; the one it
// replaces comes back to be freed, so that packets wait for no lock and no destructor.
#pragma once

#include "core/napt_backend.hpp"
#include "core/policy.hpp"
#include "platform/host_ops.hpp"
#include "platform/machine_monitor.hpp"

#include <functional>
#include <memory>
#include <span>
#include <vector>

#include <boost/asio/any_io_executor.hpp>

namespace nat64::daemon {

/// The machine's IPv4 addresses in order, and those that mean all hosts of one of its subnets:
/// the kernel delivers packets to these to the machine as well.
[[nodiscard]] std::vector<Ipv4Addr>
own_addresses(std::span<const platform::LocalAddress> addresses);

/// What local routes make this machine's own as a whole, in order. The local table is asked
/// ahead of all others, so no longer route leads out of there again.
[[nodiscard]] std::vector<Prefix4> own_prefixes(std::span<const platform::RouteRow> routes);

class PolicyKeeper {
public:
    /// The backend gets its first policy at once: it is not in use yet. `monitor` has begun to
    /// listen, so that no address is missed.
    PolicyKeeper(PolicySettings settings,
                 platform::HostOps& host,
                 platform::MachineMonitor& monitor,
                 NaptBackend& backend);
    PolicyKeeper(const PolicyKeeper&) = delete;
    PolicyKeeper& operator=(const PolicyKeeper&) = delete;
    ~PolicyKeeper() = default;

    /// From now on changes go to the packet thread. `after` runs there, behind each of them.
    void start(boost::asio::any_io_executor control,
               boost::asio::any_io_executor packets,
               std::function<void()> after);

    /// Other clients and destinations: the policy for the caller to hand to the packet thread
    /// before anything else is posted there, or nullptr if they are the same. Control thread.
    [[nodiscard]] std::shared_ptr<const Policy> adopt(const PolicySettings& settings);

    /// The former ones again: what adopt() gave was not put in force.
    void readopt(const PolicySettings& settings);

    /// What is in force, or about to be.
    [[nodiscard]] Policy current() const { return {settings_, own_, prefixes_}; }

private:
    void on_change(const platform::MachineChange& change);
    [[nodiscard]] bool moves_routes(const platform::MachineChange& change) const;
    /// `in_force` runs on the control thread once packets are judged by the new policy.
    void hand_over(std::function<void()> in_force);

    PolicySettings settings_;
    platform::HostOps& host_;
    NaptBackend& backend_;
    std::vector<Ipv4Addr> own_;
    std::vector<Prefix4> prefixes_;
    boost::asio::any_io_executor control_;
    boost::asio::any_io_executor packets_;
    std::function<void()> after_;
};

} // namespace nat64::daemon
