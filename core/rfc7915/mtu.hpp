// SPDX-License-Identifier: Apache-2.0
// Sizes: the MTU arithmetic of RFC 7915 §4.2 and §5.2 (Packet Too Big and Fragmentation
// Needed), the plateaus of RFC 1191 §7.1, and how large the packets are that a super-packet
// will be cut into. Pure functions.
#pragma once

#include "core/net/packet_buffer.hpp"
#include "core/net/packet_view.hpp"
#include "core/rfc7915/rfc7915.hpp"

#include <cstdint>

namespace nat64::rfc7915 {

/// RFC 8200 §5: no IPv6 link is narrower, and no IPv6 packet of this size needs to be cut.
inline constexpr std::uint32_t kMinIpv6Mtu = 1280;
/// What RFC 7915 §5.1 sends with DF=0: kMinIpv6Mtu on the other side.
inline constexpr std::uint32_t kDontFragmentAbove = 1260;
/// RFC 791 §3.1: "every internet module must be able to forward a datagram of 68 octets".
inline constexpr std::uint32_t kMinIpv4Mtu = 68;

/// RFC 7915 §5.2: the MTU of an ICMPv4 Fragmentation Needed made of a Packet Too Big about
/// `quoted`: "adjusted for the difference between the IPv4 and IPv6 header sizes, taking into
/// account whether or not the packet in error includes a Fragment Header".
[[nodiscard]] std::uint16_t mtu_to_ipv4(std::uint32_t advertised,
                                        const PacketView& quoted,
                                        const Settings& settings) noexcept;

/// RFC 7915 §4.2: the MTU of a Packet Too Big made of an ICMPv4 Fragmentation Needed about a
/// packet whose total length was `quoted_length`. An advertised 0 comes from a router that does
/// not know RFC 1191 and means the next plateau below that length.
[[nodiscard]] std::uint32_t mtu_to_ipv6(std::uint16_t advertised,
                                        std::uint32_t quoted_length,
                                        const Settings& settings) noexcept;

/// The largest plateau of RFC 1191 §7.1 below `length`; 68 if there is none.
[[nodiscard]] std::uint16_t plateau_below(std::uint32_t length) noexcept;

/// Transport header and payload of the largest packet that this one will be on the wire.
[[nodiscard]] inline std::uint32_t segment_length(const PacketView& view,
                                                  const Offload& offload) noexcept {
    if (offload.segmentation == Segmentation::None) [[likely]]
        return view.transport_length();
    const std::uint32_t header = offload.segmentation == Segmentation::Tcp
                                     ? (view.tcp().data_offset >> 4) * 4U
                                     : std::uint32_t{sizeof(UdpHeader)};
    const auto segment = header + offload.segment_size;
    return segment < view.transport_length() ? segment : view.transport_length();
}

} // namespace nat64::rfc7915
