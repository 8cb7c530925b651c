// SPDX-License-Identifier: Apache-2.0
// A packet as its sender knows it, and as whoever it is for sees it.
#pragma once

#include "core/napt_backend.hpp"

#include <cstddef>
#include <cstdint>

namespace nat64::simulation {

/// Nobody's packet: the kernel's, or one that nobody waits for.
inline constexpr std::uint32_t kNobody = 0;

enum class UdpChecksum : std::uint8_t { Filled, LeftOut /* IPv4 only */ };

/// ICMP is an echo request of the IPv6 side or a reply of the IPv4 side; its identifier is
/// client6.port or mapped4.port.
struct Shipment {
    std::uint32_t flow = kNobody;
    L4Proto protocol{};
    rfc6146::Side side{};
    Endpoint6 client6; ///< sender on the IPv6 side
    Endpoint4 server4; ///< destination on the IPv6 side, sender on the IPv4 side
    Endpoint4 mapped4; ///< destination on the IPv4 side
    TcpFlags tcp;
    std::size_t size = 16; ///< of its payload, at least 8
    UdpChecksum checksum = UdpChecksum::Filled;
};

/// Where a shipment has come out.
struct Arrival {
    rfc6146::Side at{};
    Endpoint6 client6; ///< at the IPv6 side: who has it
    Endpoint4 from;
};

/// What a host or a router on the way has to complain of about a packet that came to it.
enum class Trouble : std::uint8_t { None, PortUnreachable, HopLimit, TooBig };

} // namespace nat64::simulation
