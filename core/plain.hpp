// SPDX-License-Identifier: Apache-2.0
// Plain packets, which nearly all are: TCP or UDP, whole, no options, no extension headers, no
// segmentation, of a session that is known and that they only refresh. None of the rules that
// refuse, answer, hold, cut or sum has anything to say about one, so it takes a straight way
// through the translator, a third as long as the general one:
//
//   recognise()     first half of a batch: is it plain, and which flow is it?
//   NaptBackend     refresh_outbound(), refresh_inbound(): is its session known?
//   to_ipv4(), to_ipv6()    second half: rewrite it
//
// A "no" is never a verdict: the packet goes the general way, which knows what to do. No rule
// lives here. Parsing asks for less than parse_packet() would accept; all else is made of the
// same inline rules as the general way. tests/backends/plain_test.cpp compares them. Internal
// to core/translator.
#pragma once

#include "core/net/bytes.hpp"
#include "core/net/checksum.hpp"
#include "core/net/headers.hpp"
#include "core/net/offload.hpp"
#include "core/net/packet_buffer.hpp"
#include "core/net/packet_view.hpp"
#include "core/rfc6146/tuple.hpp"
#include "core/rfc7915/ip_headers.hpp"
#include "core/rfc7915/ipv4_to_ipv6.hpp"
#include "core/rfc7915/ipv6_to_ipv4.hpp"
#include "core/rfc7915/rfc7915.hpp"
#include "core/rfc7915/transport.hpp"

#include <cstddef>
#include <cstdint>
#include <span>

namespace nat64::plain {

/// The rules ask for offload metadata because of segmentation, of which there is none.
inline constexpr Offload kNoSegmentation{};

// ---- parsing ----

// Views are local to one function, and all that get hold of them are inlined into it, so that
// compilers keep the fields in registers and drop those that are constants here. Nor is
// anything copied: what was just written in pieces is slow to read back as a whole.

[[nodiscard, gnu::always_inline]] inline bool
view_transport(PacketView& view, std::span<const std::byte> transport) noexcept {
    view.source_port = overlay<Be16>(transport).value();
    view.destination_port = overlay<Be16>(transport, sizeof(Be16)).value();
    if (view.protocol == kProtoUdp)
        return overlay<UdpHeader>(transport).length.value() == transport.size();
    if (view.protocol != kProtoTcp || transport.size() < sizeof(TcpHeader)) return false;
    const auto& tcp = overlay<TcpHeader>(transport);
    if ((tcp.flags & TcpFlags::kSyn) != 0) return false; // mtu.clamp_mss
    const std::size_t header = std::size_t{tcp.data_offset} >> 4 << 2;
    view.tcp_flags = tcp.flags;
    return header >= sizeof(TcpHeader) && header <= transport.size();
}

/// What a plain packet's header says. Its length field is the packet's size.
[[gnu::always_inline]] inline void view_ipv6(PacketView& view,
                                             std::span<const std::byte> bytes) noexcept {
    const auto& header = overlay<Ipv6Header>(bytes);
    view.bytes = bytes;
    view.family = Family::V6;
    view.protocol = header.next_header;
    view.traffic_class =
        static_cast<std::uint8_t>(header.version_class_flow.value() >> 20 & 0xff);
    view.hop_limit = header.hop_limit;
    view.transport_offset = sizeof(Ipv6Header);
    view.length = static_cast<std::uint32_t>(bytes.size());
}

[[gnu::always_inline]] inline void view_ipv4(PacketView& view,
                                             std::span<const std::byte> bytes) noexcept {
    const auto& header = overlay<Ipv4Header>(bytes);
    view.bytes = bytes;
    view.family = Family::V4;
    view.protocol = header.protocol;
    view.traffic_class = header.tos;
    view.hop_limit = header.ttl;
    view.dont_fragment = (header.flags_fragment.value() & Ipv4Header::kDontFragment) != 0;
    view.transport_offset = sizeof(Ipv4Header);
    view.length = static_cast<std::uint32_t>(bytes.size());
}

[[nodiscard, gnu::always_inline]] inline bool
parse_ipv6(PacketView& view, std::span<const std::byte> bytes) noexcept {
    constexpr auto kHeader = sizeof(Ipv6Header);
    if (bytes.size() < kHeader + sizeof(UdpHeader)) return false;
    const auto& header = overlay<Ipv6Header>(bytes);
    if (kHeader + header.payload_length.value() != bytes.size()) return false;
    view_ipv6(view, bytes);
    return view_transport(view, bytes.subspan(kHeader));
}

[[nodiscard, gnu::always_inline]] inline bool
parse_ipv4(PacketView& view, std::span<const std::byte> bytes) noexcept {
    constexpr auto kHeader = sizeof(Ipv4Header);
    constexpr auto kFragment = Ipv4Header::kMoreFragments | Ipv4Header::kOffsetMask;
    if (bytes.size() < kHeader + sizeof(UdpHeader)) return false;
    const auto& header = overlay<Ipv4Header>(bytes);
    if (header.version_ihl != 0x45 || header.total_length.value() != bytes.size()) return false;
    if ((header.flags_fragment.value() & kFragment) != 0) return false;
    if (ipv4_header_sum(bytes.first<kHeader>()) != 0xffff) return false;
    view_ipv4(view, bytes);
    return view_transport(view, bytes.subspan(kHeader));
}

// ---- recognising ----

[[nodiscard, gnu::always_inline]] inline L4Proto protocol_of(const PacketView& view) noexcept {
    return view.protocol == kProtoTcp ? L4Proto::Tcp : L4Proto::Udp;
}

/// True if no rule for IPv6 packets says anything but "go on"; then `flow` is its tuple.
[[nodiscard, gnu::always_inline]] inline bool
recognise(OutboundFlow& flow,
          const PacketBuffer& packet,
          const rfc6146::AddressRules& rules,
          const rfc7915::Settings& settings) noexcept {
    PacketView view;
    if (!parse_ipv6(view, packet.bytes()) || !is_normal_and_whole(packet.offload, view))
        return false;
    const auto server6 = view.ipv6().destination.value();
    if (!rules.prefix.embeds(server6)) return false;
    const auto server4 = rules.prefix.embedded_in(server6);
    if (!rfc6146::may_be_client6(view.ipv6().source.value(), rules) ||
        !rfc6146::may_be_server4(server4, rules))
        return false;
    if (rfc7915::hops_used_up(view.hop_limit, settings.hop_policy, rfc7915::CountHop::Yes))
        return false;
    if (!rfc7915::check_ipv4_size(view, kNoSegmentation, settings)) return false;
    rfc6146::take_flow(flow, view, protocol_of(view), server4);
    return true;
}

/// The same for IPv4 packets. Whether the destination is ours is the backend's answer.
[[nodiscard, gnu::always_inline]] inline bool
recognise(InboundFlow& flow,
          const PacketBuffer& packet,
          const rfc6146::AddressRules& rules,
          const rfc7915::Settings& settings) noexcept {
    PacketView view;
    if (!parse_ipv4(view, packet.bytes()) || !is_normal_and_whole(packet.offload, view))
        return false;
    if (!rfc6146::may_be_server4(view.ipv4().source.value(), rules)) return false;
    if (rfc7915::hops_used_up(view.hop_limit, settings.hop_policy, rfc7915::CountHop::Yes))
        return false;
    if (!rfc7915::check_ipv6_size(view, kNoSegmentation, settings) ||
        rfc7915::must_be_cut(view, kNoSegmentation, settings))
        return false;
    if (rfc7915::misses_udp_checksum(view, packet.offload)) return false;
    rfc6146::take_flow(flow, view, protocol_of(view));
    return true;
}

// ---- rewriting ----

[[gnu::always_inline]] inline void to_ipv4(PacketBuffer& packet,
                                           const rfc7915::Outgoing4& outgoing,
                                           const rfc7915::Settings& settings,
                                           rfc7915::Identification& identification) noexcept {
    PacketView view;
    view_ipv6(view, packet.bytes());
    rfc7915::tcp_udp_to_ipv4(packet.bytes().subspan(sizeof(Ipv6Header)),
                             view,
                             outgoing,
                             rfc7915::checksum_kind(packet.offload));
    auto fields = rfc7915::ipv4_fields(view, outgoing, view.transport_length());
    fields.tos = settings.dscp_to_ipv4(view.traffic_class);
    fields.ttl =
        rfc7915::next_hop_limit(view.hop_limit, settings.hop_policy, rfc7915::CountHop::Yes);
    fields.identification = identification.next();
    packet.pop_front(sizeof(Ipv6Header) - sizeof(Ipv4Header));
    rfc7915::write_header(packet.bytes(), fields);
    if (packet.offload.partial_checksum) packet.offload.checksum_start = sizeof(Ipv4Header);
}

[[gnu::always_inline]] inline void to_ipv6(PacketBuffer& packet,
                                           const rfc7915::Outgoing6& outgoing,
                                           const rfc7915::Settings& settings) noexcept {
    PacketView view;
    view_ipv4(view, packet.bytes());
    rfc7915::tcp_udp_to_ipv6(packet.bytes().subspan(sizeof(Ipv4Header)),
                             view,
                             outgoing,
                             rfc7915::checksum_kind(packet.offload));
    auto fields = rfc7915::ipv6_fields(view, outgoing);
    fields.traffic_class = settings.dscp_to_ipv6(view.traffic_class);
    fields.hop_limit =
        rfc7915::next_hop_limit(view.hop_limit, settings.hop_policy, rfc7915::CountHop::Yes);
    packet.push_front(sizeof(Ipv6Header) - sizeof(Ipv4Header));
    rfc7915::write_header(packet.bytes(), fields);
    if (packet.offload.partial_checksum) packet.offload.checksum_start = sizeof(Ipv6Header);
}

} // namespace nat64::plain
