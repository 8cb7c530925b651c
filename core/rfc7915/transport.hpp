// SPDX-License-Identifier: Apache-2.0
// Transport headers, RFC 7915 §4.5 and §5.5: ports, identifiers and checksums of TCP, UDP and
// ICMP queries. Everything is a delta, so that payload is neither read nor touched; the two
// exceptions that must sum it (a UDP checksum that the IPv4 sender left out, a partial checksum
// that nobody will finish) are functions of their own. The same functions serve a packet in
// place and the packet inside an ICMP error, which may be cut off anywhere behind its first
// eight bytes.
//
// Views describe the packet as it came: addresses are read from its old header, which must
// still be intact.
#pragma once

#include "core/net/packet_view.hpp"
#include "core/rfc7915/rfc7915.hpp"

#include <cstddef>
#include <cstdint>
#include <span>

namespace nat64::rfc7915 {

/// What the checksum field of TCP and UDP holds (see Offload).
enum class ChecksumKind : std::uint8_t { Full, Partial };

[[nodiscard]] constexpr ChecksumKind checksum_kind(const Offload& offload) noexcept {
    return offload.partial_checksum ? ChecksumKind::Partial : ChecksumKind::Full;
}

/// How much of a packet is there, and what its checksum means.
struct TransportContext {
    ChecksumKind checksum = ChecksumKind::Full;
    std::uint32_t length = 0; ///< what the pseudo-header of ICMPv6 counts
};

/// Rewrites the transport header at the start of `transport` (TCP, UDP or ICMPv6 query).
void transport_to_ipv4(std::span<std::byte> transport,
                       const PacketView& view,
                       const Outgoing4& outgoing,
                       const TransportContext& context) noexcept;

/// Rewrites the transport header at the start of `transport` (TCP, UDP or ICMPv4 query). A UDP
/// checksum of zero stays zero: see missing_udp_checksum().
void transport_to_ipv6(std::span<std::byte> transport,
                       const PacketView& view,
                       const Outgoing6& outgoing,
                       const TransportContext& context) noexcept;

/// RFC 768: the sender left the checksum out. Not for fragments.
[[nodiscard]] inline bool misses_udp_checksum(const PacketView& view,
                                              const Offload& offload) noexcept {
    return view.protocol == kProtoUdp && !offload.partial_checksum && !view.is_fragment() &&
           view.udp().checksum.value() == 0;
}

/// RFC 7915 §4.5: sums a UDP datagram (header and payload, with the ports it leaves with) and
/// fills its checksum in.
void sum_udp(std::span<std::byte> datagram,
             const Ipv6Addr& source,
             const Ipv6Addr& destination) noexcept;

} // namespace nat64::rfc7915
