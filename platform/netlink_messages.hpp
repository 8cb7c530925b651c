// SPDX-License-Identifier: Apache-2.0
// rtnetlink messages (rtnetlink(7)) as values: requests that we send, rows that a dump answers.
// Pure: bytes in, bytes out; the socket is netlink_socket's. libmnl does the attributes.
#pragma once

#include "core/net/address.hpp"
#include "core/net/transport.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>

struct nlmsghdr;

namespace nat64::platform {

/// The kernel's number of a network interface.
enum class LinkIndex : std::uint32_t {};

using IpPrefix = std::variant<Prefix4, Prefix6>;
using IpAddress = std::variant<Ipv4Addr, Ipv6Addr>;

/// The `proto` our routes carry, so that `ip route show proto 64` lists them: one that
/// /etc/iproute2/rt_protos leaves free.
inline constexpr std::uint8_t kRouteProtocol = 64;

struct LinkSettings {
    Mtu mtu;
    std::uint32_t queue_length = 0; ///< txqueuelen: packets the kernel keeps for us
};

struct Route {
    IpPrefix destination;
    LinkIndex link{};

    friend bool operator==(const Route&, const Route&) = default;
};

enum class RouteAction : std::uint8_t { Add, Delete };

/// A request under construction, on the stack.
class NetlinkRequest {
public:
    NetlinkRequest(std::uint16_t type, std::uint16_t flags) noexcept;

    [[nodiscard]] nlmsghdr* header() noexcept;
    [[nodiscard]] const nlmsghdr* header() const noexcept;

private:
    alignas(8) std::array<std::byte, 512> bytes_{};
};

/// MTU, queue length, and no IPv6 link-local address: nobody on a TUN listens to router
/// solicitations and listener reports. To be set before the link comes up.
[[nodiscard]] NetlinkRequest prepare_link(LinkIndex link,
                                          const LinkSettings& settings) noexcept;

/// Up, and without multicast, so that mDNS and its like leave the interface alone.
[[nodiscard]] NetlinkRequest raise_link(LinkIndex link) noexcept;

/// Adds (refusing to replace) or deletes a route in the main table.
[[nodiscard]] NetlinkRequest change_route(RouteAction action, const Route& route);

[[nodiscard]] NetlinkRequest list_addresses() noexcept;
[[nodiscard]] NetlinkRequest list_routes() noexcept;

/// An address of this machine.
struct LocalAddress {
    IpAddress address;
    unsigned prefix_length = 0;
    LinkIndex link{};
    bool global = false;     ///< scope global (universe)
    bool deprecated = false; ///< not to be used for something new, or not usable (yet)
    bool temporary = false;  ///< RFC 8981: changes by the day

    friend bool operator==(const LocalAddress&, const LocalAddress&) = default;
};

/// Where a route leads: to somebody else, to nobody (blackhole, unreachable, prohibit), or to
/// this machine itself, as `ip route add local` says.
enum class RouteKind : std::uint8_t { Onward, Nowhere, Own };

/// A route of any table, but for those that the kernel makes for the machine's addresses.
struct RouteRow {
    IpPrefix destination;
    std::optional<LinkIndex>
        link; ///< none if it does not lead onward, and for several next hops
    std::uint32_t metric = 0;
    std::uint32_t table = 0;
    RouteKind kind{};

    friend bool operator==(const RouteRow&, const RouteRow&) = default;
};

/// A network interface as the kernel announces it.
struct LinkRow {
    LinkIndex link{};
    bool up = false;  ///< administratively
    std::string name; ///< empty if the message does not say

    friend bool operator==(const LinkRow&, const LinkRow&) = default;
};

// The kernel announces what goes with the same rows as what comes: the parsers take both kinds
// of message, and whoever asks knows which it has (is_removal).

/// RTM_DELLINK, RTM_DELADDR or RTM_DELROUTE.
[[nodiscard]] bool is_removal(const nlmsghdr& message) noexcept;

/// nullopt for what is not about an interface as such.
[[nodiscard]] std::optional<LinkRow> parse_link(const nlmsghdr& message);

/// nullopt for what is not an IPv4 or IPv6 address.
[[nodiscard]] std::optional<LocalAddress> parse_address(const nlmsghdr& message);

/// nullopt for what RouteRow leaves out.
[[nodiscard]] std::optional<RouteRow> parse_route(const nlmsghdr& message);

/// The kernel's own words in an NLMSG_ERROR (extended ack); empty if there are none.
[[nodiscard]] std::string explanation_in(const nlmsghdr& message);

} // namespace nat64::platform
