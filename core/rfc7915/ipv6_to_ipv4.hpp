// SPDX-License-Identifier: Apache-2.0
// RFC 7915 §5.1 as a function from a parsed IPv6 packet to the fields of an IPv4 header.
// Internal: shared by whole packets (plain.hpp, ipv6_to_ipv4.cpp) and the ones quoted by ICMP
// errors (icmpv6_to_icmpv4.cpp). The caller decides about hop limit and identification.
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
#include <cstdint>
#include <expected>

namespace nat64::rfc7915 {

/// RFC 7915 §5.1.1: "DF ... set to zero", identification, offset and MF from the Fragment
/// header.
inline void take_fragment_header(Ipv4Fields& fields, const PacketView& view) noexcept {
    const auto more = view.more_fragments ? Ipv4Header::kMoreFragments : 0;
    fields.identification = static_cast<std::uint16_t>(view.fragment_id);
    fields.flags_fragment = static_cast<std::uint16_t>(view.fragment_offset >> 3 | more);
}

/// RFC 7915 §5.1: DF=0 up to 1260 bytes. `segment` is the transport length of the largest
/// packet this will be on the wire. Atomic fragments (RFC 6946, RFC 8021) have a Fragment
/// header.
[[nodiscard]] inline Ipv4Fields
ipv4_fields(const PacketView& view, const Outgoing4& outgoing, std::uint32_t segment) noexcept {
    Ipv4Fields fields;
    const auto total = view.transport_length() + std::uint32_t{sizeof(Ipv4Header)};
    fields.tos = view.traffic_class;
    fields.ttl = view.hop_limit;
    fields.protocol = to_ipv4_protocol(view.protocol);
    fields.total_length = static_cast<std::uint16_t>(std::min(total, 0xffffU));
    fields.source = outgoing.source.address;
    fields.destination = outgoing.destination.address;
    if (view.has_fragment_header)
        take_fragment_header(fields, view);
    else if (segment + sizeof(Ipv4Header) > kDontFragmentAbove)
        fields.flags_fragment = Ipv4Header::kDontFragment;
    return fields;
}

/// RFC 7915 §5: with DF=0, which fragments and small packets get, IPv4 routers fragment.
/// CHOICE(RFC 7915 §5.1): what would not fit the IPv4 length field is too big as well, be it in
/// fragments: nobody could reassemble it (RFC 791 §3.1).
[[nodiscard]] inline std::expected<void, Refusal> check_ipv4_size(
    const PacketView& view, const Offload& offload, const Settings& settings) noexcept {
    constexpr std::uint32_t header = sizeof(Ipv4Header);
    const auto size = header + segment_length(view, offload);
    const bool dont_fragment = !view.has_fragment_header && size > kDontFragmentAbove;
    if (header + view.fragment_offset + view.transport_length() <= 0xffff &&
        (!dont_fragment || size <= settings.ipv4_mtu.bytes())) [[likely]]
        return {};
    const auto mtu = std::max(kMinIpv6Mtu, settings.ipv4_mtu.bytes() + 20);
    return std::unexpected{
        Refusal{.reason = DropReason::PacketTooBig,
                .answer = IcmpAnswer{.type = kIcmpv6PacketTooBig, .code = 0, .rest = mtu}}};
}

} // namespace nat64::rfc7915
