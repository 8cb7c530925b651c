// SPDX-License-Identifier: Apache-2.0
// Transport identifiers and transport addresses (RFC 6146 §2): an IP address together with a
// port, or with the identifier of an ICMP query. All values are host order.
#pragma once

#include "core/net/address.hpp"

#include <compare>
#include <cstdint>
#include <string>

namespace nat64 {

/// The protocols that have a BIB and a session table of their own (RFC 6146 §3.1). Icmp stands
/// for ICMPv4 on the IPv4 side and ICMPv6 on the IPv6 side.
enum class L4Proto : std::uint8_t { Tcp, Udp, Icmp };
inline constexpr unsigned kL4ProtoCount = 3;

/// "tcp", "udp" or "icmp".
[[nodiscard]] constexpr const char* name_of(L4Proto protocol) noexcept {
    switch (protocol) {
    case L4Proto::Tcp:
        return "tcp";
    case L4Proto::Udp:
        return "udp";
    case L4Proto::Icmp:
        return "icmp";
    }
    return "?";
}

/// A TCP or UDP port, or the identifier of an ICMP query, which RFC 6146 §3.1 uses in a port's
/// place.
class Port {
public:
    constexpr Port() noexcept = default;

    constexpr explicit Port(std::uint16_t value) noexcept : value_{value} {}

    [[nodiscard]] constexpr std::uint16_t value() const noexcept { return value_; }

    friend constexpr auto operator<=>(const Port&, const Port&) noexcept = default;

private:
    std::uint16_t value_ = 0;
};

/// An inclusive range of ports, first <= last.
struct PortRange {
    Port first{1};
    Port last{65535};

    [[nodiscard]] constexpr bool contains(Port p) const noexcept {
        return first <= p && p <= last;
    }

    friend constexpr auto operator<=>(const PortRange&, const PortRange&) noexcept = default;
};

/// An IPv4 transport address.
struct Endpoint4 {
    Ipv4Addr address;
    Port port;

    /// "192.0.2.1:80".
    [[nodiscard]] std::string to_string() const;

    friend constexpr auto operator<=>(const Endpoint4&, const Endpoint4&) noexcept = default;
};

/// An IPv6 transport address.
struct Endpoint6 {
    Ipv6Addr address;
    Port port;

    /// "[2001:db8::1]:80".
    [[nodiscard]] std::string to_string() const;

    friend constexpr auto operator<=>(const Endpoint6&, const Endpoint6&) noexcept = default;
};

/// A size of IP packets in bytes, header included.
class Mtu {
public:
    constexpr Mtu() noexcept = default;

    constexpr explicit Mtu(std::uint32_t bytes) noexcept : bytes_{bytes} {}

    [[nodiscard]] constexpr std::uint32_t bytes() const noexcept { return bytes_; }

    friend constexpr auto operator<=>(const Mtu&, const Mtu&) noexcept = default;

private:
    std::uint32_t bytes_ = 1500;
};

} // namespace nat64
