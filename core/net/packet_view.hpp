// SPDX-License-Identifier: Apache-2.0
// Parsing with bounds: a PacketView is the span of one IP packet plus offsets that have been
// checked against it, so that everything behind it may index without asking again. Parsing
// looks at headers only, never at payload, and never changes a byte. A view never owns and
// never outlives the call it was made for.
//
// RFC 8200 §4 (extension headers, fragments), RFC 791 §3.1, RFC 7915 §4.1 and §5.1 (what a
// translator must look at). Whether the addresses are acceptable is not decided here
// (core/translator).
#pragma once

#include "core/net/headers.hpp"
#include "core/net/transport.hpp"
#include "core/refusal.hpp"
#include "core/verdict.hpp"

#include <cstddef>
#include <cstdint>
#include <expected>
#include <span>

namespace nat64 {

enum class Family : std::uint8_t { V4, V6 };

/// How far a packet must be complete. A Quoted packet (inside an ICMP error, RFC 792, RFC 4443
/// §2.4c) may end anywhere behind the first eight bytes of its transport header, whatever its
/// length fields say.
enum class Completeness : std::uint8_t { Whole, Quoted };

/// A parsed IP packet. Offsets are bytes from the start of the packet.
struct PacketView {
    std::span<const std::byte>
        bytes; ///< the IP packet, cut to its length field (or less, if quoted)
    Family family = Family::V4;
    /// Upper-layer protocol number behind all extension headers. In IPv6 fragments other than
    /// the first, what the Fragment header says, which may be an extension header.
    std::uint8_t protocol = 0;
    std::uint8_t traffic_class = 0; ///< TOS or traffic class
    std::uint8_t hop_limit = 0;     ///< TTL or hop limit
    bool has_fragment_header =
        false; ///< IPv6: a Fragment header is present, be it an atomic one (RFC 6946)
    bool dont_fragment = false;  ///< IPv4: DF
    bool more_fragments = false; ///< MF or the M flag
    bool source_route = false;   ///< IPv4 LSRR or SSRR not yet exhausted (RFC 7915 §4.1)
    std::uint8_t tcp_flags = 0;  ///< TCP only, when the transport header is here
    std::uint8_t icmp_type = 0;  ///< ICMP only, when the transport header is here
    std::uint8_t icmp_code = 0;
    std::uint16_t transport_offset = 0;       ///< end of all IP headers
    std::uint16_t fragment_header_offset = 0; ///< IPv6: of the Fragment header, if there is one
    std::uint16_t segments_left_offset =
        0; ///< IPv6: of the field, if a routing header has segments left; else 0
    std::uint16_t fragment_offset = 0; ///< bytes
    std::uint32_t fragment_id = 0;     ///< 32 bits for IPv6, 16 for IPv4
    std::uint32_t length = 0; ///< what the length field says: >= bytes.size() if quoted
    std::uint16_t source_port =
        0; ///< TCP, UDP, and the identifier of ICMP queries (both fields), if here
    std::uint16_t destination_port = 0;

    /// A fragment that is not a whole packet: atomic fragments (RFC 6946) are not.
    [[nodiscard]] bool is_fragment() const noexcept {
        return more_fragments || fragment_offset != 0;
    }

    /// The transport header is here: not a fragment, or the first one.
    [[nodiscard]] bool has_transport_header() const noexcept { return fragment_offset == 0; }

    /// Length of what lies behind the IP headers, by the length field.
    [[nodiscard]] std::uint32_t transport_length() const noexcept {
        return length - transport_offset;
    }

    [[nodiscard]] std::span<const std::byte> transport() const noexcept {
        return bytes.subspan(transport_offset);
    }

    // The headers where they stand. A quoted TCP header may be cut behind its eighth byte:
    // tcp() is for whole packets, udp() and icmp() serve both.
    [[nodiscard]] const Ipv4Header& ipv4() const noexcept { return overlay<Ipv4Header>(bytes); }

    [[nodiscard]] const Ipv6Header& ipv6() const noexcept { return overlay<Ipv6Header>(bytes); }

    [[nodiscard]] const Ipv6FragmentHeader& fragment_header() const noexcept {
        return overlay<Ipv6FragmentHeader>(bytes, fragment_header_offset);
    }

    [[nodiscard]] const TcpHeader& tcp() const noexcept {
        return overlay<TcpHeader>(bytes, transport_offset);
    }

    [[nodiscard]] const UdpHeader& udp() const noexcept {
        return overlay<UdpHeader>(bytes, transport_offset);
    }

    [[nodiscard]] const IcmpHeader& icmp() const noexcept {
        return overlay<IcmpHeader>(bytes, transport_offset);
    }

    /// TCP, UDP or ICMP of this packet's own family (ICMPv6 in IPv6, ICMPv4 in IPv4);
    /// nullopt-like false if it is another protocol, ICMPv6 in IPv4 included.
    [[nodiscard]] bool l4(L4Proto& protocol_out) const noexcept {
        switch (protocol) {
        case kProtoTcp:
            protocol_out = L4Proto::Tcp;
            return true;
        case kProtoUdp:
            protocol_out = L4Proto::Udp;
            return true;
        default:
            protocol_out = L4Proto::Icmp;
            return protocol == (family == Family::V4 ? kProtoIcmp : kProtoIcmpv6);
        }
    }

    /// Is it an ICMP query of ours, with an identifier (RFC 6146 §3.4)? Needs
    /// has_transport_header().
    [[nodiscard]] bool is_echo() const noexcept {
        if (family == Family::V6)
            return protocol == kProtoIcmpv6 &&
                   (icmp_type == kIcmpv6EchoRequest || icmp_type == kIcmpv6EchoReply);
        return protocol == kProtoIcmp &&
               (icmp_type == kIcmpEchoRequest || icmp_type == kIcmpEchoReply);
    }

    /// Is it an ICMP error message (RFC 1122 §3.2.2, RFC 4443 §2.1), as far as type tells?
    /// Needs has_transport_header().
    [[nodiscard]] bool is_icmp_error() const noexcept {
        if (family == Family::V6) return protocol == kProtoIcmpv6 && icmp_type < 128;
        if (protocol != kProtoIcmp) return false;
        switch (icmp_type) {
        case kIcmpDestinationUnreachable:
        case kIcmpSourceQuench:
        case kIcmpRedirect:
        case kIcmpTimeExceeded:
        case kIcmpParameterProblem:
            return true;
        default:
            return false;
        }
    }
};

/// The version that the first byte of a packet says; 0 without one.
[[nodiscard]] constexpr unsigned ip_version(std::span<const std::byte> bytes) noexcept {
    return bytes.empty() ? 0U : std::to_integer<unsigned>(bytes[0]) >> 4;
}

/// The most extension headers a packet may have; real ones have two or three.
inline constexpr unsigned kMaxExtensionHeaders = 8;

/// Parses one IP packet. Bytes behind the length field (link padding) are cut off the view.
///
/// Errors:
///   Truncated           fewer bytes than the IP header or, for Whole, its length field says
///   BadVersion
///   BadIpv4Header       header length or total length below the minimum, malformed options
///   BadIpv4Checksum     Whole only
///   BadExtensionHeader  a chain that runs past the packet or kMaxExtensionHeaders, a
///                       hop-by-hop header that is not the first, a second Fragment header
///   BadFragment         empty, unaligned, or reaching past 65535 bytes
///   BadTransportHeader  in a whole packet or first fragment: TCP, UDP or ICMP header cut
///                       short, TCP data offset below 5 or beyond the packet, UDP length that
///                       contradicts the IP length (first fragments: below 8). For Quoted:
///                       fewer than 8 bytes of TCP, UDP or ICMP.
[[nodiscard]] std::expected<PacketView, DropReason>
parse_packet(std::span<const std::byte> bytes,
             Completeness completeness = Completeness::Whole) noexcept;

} // namespace nat64
