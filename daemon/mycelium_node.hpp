// SPDX-License-Identifier: Apache-2.0
// profile: mycelium. The overlay delivers to a node what is addressed to its /64, which its key
// decides, and nothing else: the NAT64 prefix has to lie there. So the node on this machine is
// asked for its subnet, by its HTTP API, at the start and from time to time after it. A prefix
// cannot be changed under running sessions, whose clients have the former one: another key
// ends the daemon, with the reason, for the service manager to start it again.
#pragma once

#include "config/config.hpp"
#include "core/net/address.hpp"
#include "platform/unique_fd.hpp"

#include <chrono>
#include <expected>
#include <functional>
#include <string>
#include <string_view>

#include <boost/asio/awaitable.hpp>

namespace nat64::daemon {

/// The subnet in an answer of GET /api/v1/admin, or what is wrong with that.
[[nodiscard]] std::expected<Prefix6, std::string> parse_node_subnet(std::string_view answer);

/// A TCP socket on its way to the node's API at `api` (mycelium.api), non-blocking. Throws
/// OsError.
[[nodiscard]] platform::UniqueFd connect_to_node(const std::string& api);

/// connect_to_node(), in whatever process that is done.
using ConnectToNode = std::function<platform::UniqueFd()>;

/// Asks the node at `api`, over what `connect` returns: its subnet, or why there is none. Waits
/// a few seconds at most, reads a few kilobytes at most.
[[nodiscard]] boost::asio::awaitable<std::expected<Prefix6, std::string>>
ask_node(std::string api, ConnectToNode connect);

/// The NAT64 prefix inside this subnet, by mycelium.suffix.
void use_subnet(config::Config& config, const Prefix6& subnet);

/// How long a node that starts together with us may take: longer than a service manager would
/// wait before it gave up on us.
inline constexpr std::chrono::seconds kNodeMayTake{10};

/// Completes a configuration without `prefix`, and checks one that has it. Throws
/// std::runtime_error if the node has to be asked and does not answer for that long,
/// ConfigError if `prefix` lies elsewhere.
void complete_prefix(config::Config& config, std::chrono::seconds patience);

/// Asks again, every mycelium.poll. Does not end, but throws when the prefix lies in the node's
/// subnet no more.
boost::asio::awaitable<void> watch_node(const config::Config& config, ConnectToNode connect);

} // namespace nat64::daemon
