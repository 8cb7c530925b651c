// SPDX-License-Identifier: Apache-2.0
// The kernel's rules: a CHECKSUM_PARTIAL field holds the folded, uncomplemented sum of the
// pseudo-header with the whole super-packet's length.
#include "cli/capture_offload.hpp"

#include "core/net/checksum.hpp"
#include "core/net/headers.hpp"
#include "core/net/packet_view.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace nat64::cli {

namespace {

constexpr std::uint8_t kCwr = 0x80;

ChecksumSum pseudo_header_of(const PacketView& view) {
    const auto length = view.transport_length();
    if (view.family == Family::V4) {
        const auto& ip = view.ipv4();
        return pseudo_header(ip.source.value(), ip.destination.value(), view.protocol, length);
    }
    const auto& ip = view.ipv6();
    return pseudo_header(ip.source.value(), ip.destination.value(), view.protocol, length);
}

std::size_t transport_header_size(const PacketView& view) {
    if (view.protocol == kProtoUdp) return sizeof(UdpHeader);
    return std::size_t{view.tcp().data_offset} >> 4 << 2;
}

/// Payload bytes that fit everywhere, behind an IPv6 header with a Fragment header.
std::uint16_t segment_size(const PacketView& view, const rfc7915::Settings& mtus) {
    constexpr std::size_t kIpHeaders = sizeof(Ipv6Header) + sizeof(Ipv6FragmentHeader);
    constexpr std::size_t kLeast = 8;
    const std::size_t mtu = std::min(mtus.lowest_ipv6_mtu, mtus.ipv4_mtu).bytes();
    const auto headers = kIpHeaders + transport_header_size(view);
    return static_cast<std::uint16_t>(mtu > headers + kLeast ? mtu - headers : kLeast);
}

} // namespace

Offload guess_offload(std::span<const std::byte> packet,
                      const rfc7915::Settings& mtus) noexcept {
    Offload offload;
    const auto parsed = parse_packet(packet);
    if (!parsed || parsed->is_fragment()) return offload;
    const auto& view = *parsed;
    const auto is_tcp = view.protocol == kProtoTcp;
    if (!is_tcp && view.protocol != kProtoUdp) return offload;

    const auto field = is_tcp ? view.tcp().checksum.value() : view.udp().checksum.value();
    if (!is_tcp && field == 0) return offload;
    auto pseudo = pseudo_header_of(view);
    const auto partial = pseudo.folded();
    if (pseudo.add(view.transport()).folded() == 0xffff) return offload;

    if (field == partial) {
        offload.partial_checksum = true;
        offload.checksum_start = view.transport_offset;
        offload.checksum_offset = is_tcp ? 16 : 6;
    }
    const auto mtu = view.family == Family::V4 ? mtus.ipv4_mtu : mtus.ipv6_mtu;
    if (view.length <= mtu.bytes() || (!is_tcp && !offload.partial_checksum)) return offload;
    offload.segmentation = is_tcp ? Segmentation::Tcp : Segmentation::Udp;
    offload.segment_size = segment_size(view, mtus);
    offload.tcp_cwr = is_tcp && (view.tcp_flags & kCwr) != 0;
    return offload;
}

void finish_checksum(PacketBuffer& packet) noexcept {
    if (!packet.offload.partial_checksum) return;
    packet.offload.partial_checksum = false;
    const auto bytes = packet.bytes();
    const auto start = packet.offload.checksum_start;
    const auto at = std::size_t{start} + packet.offload.checksum_offset;
    auto sum = ChecksumSum{}.add(bytes.subspan(start)).checksum();
    // RFC 768: a sum of zero is sent as ones; to TCP both mean the same.
    if (sum == 0) sum = 0xffff;
    bytes[at] = static_cast<std::byte>(sum >> 8);
    bytes[at + 1] = static_cast<std::byte>(sum & 0xff);
}

} // namespace nat64::cli
