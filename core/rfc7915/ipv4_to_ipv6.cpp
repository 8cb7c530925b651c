// SPDX-License-Identifier: Apache-2.0
// IPv4 to IPv6 for everything but ICMP errors (RFC 7915 §4.1, §4.4). The transport header stays
// where it is and the IPv6 header is written in front of it, over the IPv4 header and whatever
// options it had.
//
// CHOICE(RFC 7915 §4.1): a TCP super-packet with DF=0 whose segments are too big leaves with a
// smaller segment size instead of being cut into IP fragments. It stands for segments that do
// not exist yet: where a byte stream is cut is up to whoever cuts it, here the device behind
// us. The receiver gets segments it need not reassemble, the loss of one does not cost the
// others, and the offload survives. Datagrams have boundaries that mean something, so UDP is
// fragmented.
#include "core/rfc7915/ipv4_to_ipv6.hpp"

#include "core/net/bytes.hpp"
#include "core/net/checksum.hpp"
#include "core/net/headers.hpp"
#include "core/net/packet_buffer.hpp"
#include "core/net/packet_view.hpp"
#include "core/refusal.hpp"
#include "core/rfc7915/icmp_types.hpp"
#include "core/rfc7915/ip_headers.hpp"
#include "core/rfc7915/mss.hpp"
#include "core/rfc7915/rfc7915.hpp"
#include "core/rfc7915/segment.hpp"
#include "core/rfc7915/transport.hpp"
#include "core/verdict.hpp"

#include <cassert>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>
#include <span>

namespace nat64::rfc7915 {

namespace {

using Checked = std::expected<void, Refusal>;

Checked refuse(DropReason reason, std::optional<IcmpAnswer> answer = {}) noexcept {
    return std::unexpected{Refusal{.reason = reason, .answer = answer}};
}

/// RFC 7915 §4.2. A wrong checksum would be made right, since that of an error is computed
/// anew.
Checked check_icmpv4(const PacketView& view) noexcept {
    if (!view.has_transport_header()) return {};
    if (view.is_echo()) return {};
    const auto rest = overlay<Be32>(view.transport(), offsetof(IcmpHeader, rest)).value();
    if (!view.is_icmp_error() || !map_icmpv4_error(view.icmp_type, view.icmp_code, rest))
        return refuse(DropReason::UnknownIcmpType);
    if (view.is_fragment()) return refuse(DropReason::FragmentedIcmpError);
    if (ChecksumSum{}.add(view.transport()).folded() != 0xffff)
        return refuse(DropReason::BadIcmpChecksum);
    return {};
}

// ---- cutting ----

void shrink_segments(PacketBuffer& packet, const PacketView& view, Mtu limit) noexcept {
    const auto headers = sizeof(Ipv6Header) + (view.tcp().data_offset >> 4) * std::size_t{4};
    packet.offload.segment_size = static_cast<std::uint16_t>(limit.bytes() - headers);
}

// ---- transport ----

/// RFC 7915 §4.5: a UDP datagram without checksum gets one. Where the device may do it, the
/// field is given the sum of the pseudo-header only, unless RFC 9868 options stand behind the
/// datagram, which a device would sum too.
void add_udp_checksum(PacketBuffer& packet,
                      std::span<std::byte> transport,
                      const Outgoing6& outgoing,
                      PartialChecksums partial) noexcept {
    auto& header = overlay<UdpHeader>(transport);
    const auto& source = outgoing.source.address;
    const auto& destination = outgoing.destination.address;
    const auto length = header.length.value();
    if (partial == PartialChecksums::Forbidden || length != transport.size())
        return sum_udp(transport, source, destination);
    header.checksum = pseudo_header(source, destination, kProtoUdp, length).folded();
    packet.offload.partial_checksum = true;
    packet.offload.checksum_offset = offsetof(UdpHeader, checksum);
}

/// `length` is that of the whole datagram, of which this may be the first fragment.
void rewrite_transport(PacketBuffer& packet,
                       const PacketView& view,
                       const Outgoing6& outgoing,
                       std::uint32_t length,
                       PartialChecksums partial) noexcept {
    const auto transport = packet.bytes().subspan(view.transport_offset);
    const bool no_checksum = misses_udp_checksum(view, packet.offload);
    transport_to_ipv6(transport,
                      view,
                      outgoing,
                      {.checksum = checksum_kind(packet.offload), .length = length});
    if (no_checksum) [[unlikely]]
        add_udp_checksum(packet, transport, outgoing, partial);
}

/// What ipv4_to_ipv6() was asked to do, for what it does seldom.
struct Task {
    PacketBuffer& packet;
    const PacketView& view;
    const Outgoing6& outgoing;
    std::uint8_t traffic_class = 0;
    std::uint8_t hop_limit = 0;
    std::uint32_t length = 0; ///< as in rewrite_transport()
    Mtu limit;
};

/// Fragments carry no partial checksums: no device could finish them.
unsigned cut_up(const Task& task, Scratch& scratch, Emit& emit) noexcept {
    auto& packet = task.packet;
    const auto& view = task.view;
    Cut cut{.header = ipv6_fields(view, task.outgoing),
            .identification = view.fragment_id,
            .offset = view.fragment_offset,
            .more = view.more_fragments,
            .limit = task.limit};
    cut.header.traffic_class = task.traffic_class;
    cut.header.hop_limit = task.hop_limit;
    const auto transport = packet.bytes().subspan(view.transport_offset);
    if (packet.offload.segmentation == Segmentation::Udp) {
        auto& header = overlay<UdpHeader>(transport);
        header.source_port = task.outgoing.source.port.value();
        header.destination_port = task.outgoing.destination.port.value();
        return emit_datagrams(transport, packet.offload.segment_size, cut, scratch, emit);
    }
    finish_partial_checksum(packet);
    if (view.has_transport_header())
        rewrite_transport(
            packet, view, task.outgoing, task.length, PartialChecksums::Forbidden);
    return emit_pieces(transport, cut, scratch, emit);
}

} // namespace

Checked check_ipv4_to_ipv6(const PacketView& view,
                           const Offload& offload,
                           const Settings& settings,
                           CountHop count_hop) noexcept {
    assert(view.family == Family::V4);
    if (hops_used_up(view.hop_limit, settings.hop_policy, count_hop))
        return refuse(DropReason::HopLimitExceeded, kTtlExceeded4);
    if (view.source_route) return refuse(DropReason::SourceRoute, kSourceRouteFailed4);
    switch (view.protocol) {
    case kProtoTcp:
    case kProtoUdp:
        return check_ipv6_size(view, offload, settings);
    case kProtoIcmp: {
        const bool error = view.has_transport_header() && view.is_icmp_error();
        if (const auto ok = check_icmpv4(view); !ok || error) return ok;
        return check_ipv6_size(view, offload, settings);
    }
    default:
        return refuse(DropReason::UnknownProtocol, kProtocolUnreachable4);
    }
}

unsigned ipv4_to_ipv6(PacketBuffer& packet,
                      const PacketView& view,
                      const Outgoing6& outgoing,
                      const Settings& settings,
                      CountHop count_hop,
                      Scratch& scratch,
                      Emit& emit,
                      std::uint32_t transport_length) noexcept {
    assert(view.family == Family::V4 && view.bytes.data() == packet.data());
    packet.resize(view.bytes.size());
    if (settings.clamp_mss && view.has_transport_header()) clamp_mss(packet, view, settings);
    auto& offload = packet.offload;
    const auto traffic_class = settings.dscp_to_ipv6(view.traffic_class);
    const auto hop_limit = next_hop_limit(view.hop_limit, settings.hop_policy, count_hop);
    const auto length = transport_length != 0 ? transport_length : view.transport_length();
    if (must_be_cut(view, offload, settings)) [[unlikely]] {
        const auto limit = cut_limit(settings);
        if (offload.segmentation != Segmentation::Tcp)
            return cut_up({.packet = packet,
                           .view = view,
                           .outgoing = outgoing,
                           .traffic_class = traffic_class,
                           .hop_limit = hop_limit,
                           .length = length,
                           .limit = limit},
                          scratch,
                          emit);
        shrink_segments(packet, view, limit);
    }

    if (view.has_transport_header()) [[likely]]
        rewrite_transport(packet, view, outgoing, length, settings.partial_checksums);
    const auto headers = ipv6_headers_size(view);
    if (view.transport_offset < headers)
        packet.push_front(headers - view.transport_offset);
    else
        packet.pop_front(view.transport_offset - headers);
    auto fields = ipv6_fields(view, outgoing);
    fields.traffic_class = traffic_class;
    fields.hop_limit = hop_limit;
    write_headers(packet.bytes(), fields, view);
    if (offload.partial_checksum) offload.checksum_start = static_cast<std::uint16_t>(headers);
    emit.packet(packet);
    return 1;
}

} // namespace nat64::rfc7915
