// SPDX-License-Identifier: Apache-2.0
// What the machine has to say to a configuration before anything is touched: addresses that
// collide with its own, routes that are taken, an interface name in use, a family that is
// missing. Reads through HostOps, changes nothing. Also the two questions whose answers come
// from the same tables: which routes lead to the TUN, and which IPv6 address is the machine's.
#pragma once

#include "config/config.hpp"
#include "config/config_error.hpp"
#include "platform/host_ops.hpp"

#include <optional>
#include <span>
#include <string>
#include <vector>

namespace nat64::daemon {

struct MachineReport {
    /// What another program has now and may give back: nat64 cannot start yet. Other problems
    /// may come of it, so it is the one to tell.
    std::optional<config::Problem> taken;
    std::vector<config::Problem> problems; ///< nat64 cannot work: it does not start
    std::vector<std::string> warnings;     ///< it starts, and somebody should look at this
};

/// Whether a route to nowhere leaves a longer one for a prefix of this length in peace, as a
/// router's that drops all private ranges does.
[[nodiscard]] bool gives_way(const platform::RouteRow& route, unsigned length);

[[nodiscard]] MachineReport check_machine(const config::Config& config,
                                          platform::HostOps& host);

/// What has to be routed to the TUN: the NAT64 prefix, the pool, and the gateway's IPv4 address
/// (reverse path filters ask for that); none twice, none inside another.
[[nodiscard]] std::vector<platform::IpPrefix> routes_to_tun(const config::Config& config);

/// The machine's own IPv6 address for ICMP errors that cannot come from the prefix: global,
/// lasting, and better from the Internet (2000::/3) than from elsewhere.
[[nodiscard]] std::optional<Ipv6Addr>
choose_gateway6(std::span<const platform::LocalAddress> addresses);

} // namespace nat64::daemon
