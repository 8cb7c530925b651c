// SPDX-License-Identifier: Apache-2.0
// RFC 7915 §4.1 as a function from a parsed IPv4 packet to the fields of an IPv6 header.
// Internal: shared by whole packets (plain.hpp, ipv4_to_ipv6.cpp) and the ones quoted by ICMP
// errors (icmpv4_to_icmpv6.cpp). The caller decides about the hop limit.
#pragma once

#include "core/net/headers.hpp"
#include "core/net/packet_buffer.hpp"
#include "core/net/packet_view.hpp"
#include "core/refusal.hpp"
#include "core/rfc7915/ip_headers.hpp"
#include "core/rfc7915/mtu.hpp"
#include "core/rfc7915/rfc7915.hpp"
#include "core/verdict.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <span>

namespace nat64::rfc7915 {

/// RFC 7915 §4.1: a packet that is a fragment gets a Fragment header; no other does (RFC 8021).
[[nodiscard]] inline std::size_t ipv6_headers_size(const PacketView& view) noexcept {
    return sizeof(Ipv6Header) + (view.is_fragment() ? sizeof(Ipv6FragmentHeader) : 0);
}

/// The header of this packet if it leaves whole. next_header is that of the transport protocol.
[[nodiscard]] inline Ipv6Fields ipv6_fields(const PacketView& view,
                                            const Outgoing6& outgoing) noexcept {
    const auto payload = view.transport_length() + ipv6_headers_size(view) - sizeof(Ipv6Header);
    Ipv6Fields fields;
    fields.traffic_class = view.traffic_class;
    fields.hop_limit = view.hop_limit;
    fields.next_header = to_ipv6_protocol(view.protocol);
    fields.payload_length = static_cast<std::uint16_t>(payload);
    fields.source = outgoing.source.address;
    fields.destination = outgoing.destination.address;
    return fields;
}

/// Writes IPv6 header and, for a fragment, Fragment header: "Identification: the low-order 16
/// bits copied from the Identification field in the IPv4 header, the high-order 16 bits set to
/// zero" (RFC 7915 §4.1).
inline void write_headers(std::span<std::byte> at,
                          const Ipv6Fields& fields,
                          const PacketView& view) noexcept {
    write_header(at, fields);
    if (!view.is_fragment()) [[likely]]
        return;
    overlay<Ipv6Header>(at).next_header = kProtoFragment;
    write_fragment_header(at.subspan(sizeof(Ipv6Header)),
                          fields.next_header,
                          view.fragment_offset,
                          view.more_fragments,
                          view.fragment_id);
}

/// What is too big with DF=0 is cut; with DF=1 its sender hears of it. A fragment needs room
/// for its Fragment header, too.
[[nodiscard]] inline std::expected<void, Refusal> check_ipv6_size(
    const PacketView& view, const Offload& offload, const Settings& settings) noexcept {
    if (!view.dont_fragment) return {};
    const auto headers = static_cast<std::uint32_t>(ipv6_headers_size(view));
    const auto limit = settings.ipv6_mtu.bytes();
    if (headers + segment_length(view, offload) <= limit) return {};
    const auto mtu = limit - (headers - std::uint32_t{sizeof(Ipv4Header)});
    return std::unexpected{Refusal{
        .reason = DropReason::PacketTooBig,
        .answer = IcmpAnswer{.type = kIcmpDestinationUnreachable, .code = 4, .rest = mtu}}};
}

[[nodiscard]] inline Mtu cut_limit(const Settings& settings) noexcept {
    return std::min(settings.lowest_ipv6_mtu, settings.ipv6_mtu);
}

[[nodiscard]] inline bool
must_be_cut(const PacketView& view, const Offload& offload, const Settings& settings) noexcept {
    if (view.dont_fragment) return false;
    return ipv6_headers_size(view) + segment_length(view, offload) >
           cut_limit(settings).bytes();
}

} // namespace nat64::rfc7915
