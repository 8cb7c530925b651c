// SPDX-License-Identifier: Apache-2.0
// Segmentation first, because it decides how many packets there are; then the checksum, which a
// super-packet needs in the partial form.
#include "core/net/offload.hpp"

#include "core/net/bytes.hpp"
#include "core/net/checksum.hpp"
#include "core/net/headers.hpp"
#include "core/net/packet_buffer.hpp"
#include "core/net/packet_view.hpp"
#include "core/verdict.hpp"

#include <cstddef>
#include <cstdint>
#include <expected>

namespace nat64 {

namespace {

constexpr std::uint16_t kUdpChecksumOffset = 6;

/// Bytes behind the transport header of a whole packet that will be segmented.
std::size_t payload_size(const PacketView& view) noexcept {
    if (view.protocol == kProtoUdp) return view.transport_length() - sizeof(UdpHeader);
    return view.transport_length() - (std::size_t{view.tcp().data_offset} >> 4 << 2);
}

bool segmentation_fits(const Offload& offload, const PacketView& view) noexcept {
    if (view.is_fragment() || offload.segment_size == 0) return false;
    switch (offload.segmentation) {
    case Segmentation::None:
        return true;
    case Segmentation::Tcp:
        return view.protocol == kProtoTcp;
    case Segmentation::Udp:
        return view.protocol == kProtoUdp && offload.partial_checksum && !offload.tcp_cwr;
    }
    return false;
}

/// Where the checksum of a packet of this protocol stands, and how much of its header has been
/// parsed.
struct HeaderPlaces {
    std::size_t checksum;
    std::size_t end;
};

HeaderPlaces places_of(L4Proto protocol) noexcept {
    switch (protocol) {
    case L4Proto::Tcp:
        return {offsetof(TcpHeader, checksum), sizeof(TcpHeader)};
    case L4Proto::Udp:
        return {offsetof(UdpHeader, checksum), sizeof(UdpHeader)};
    case L4Proto::Icmp:
        return {offsetof(IcmpHeader, checksum), sizeof(IcmpHeader)};
    }
    return {};
}

/// Within the packet and behind what has been parsed, whose values must stay as they were read;
/// there, only the checksum itself may be written.
bool checksum_has_place(const Offload& offload, const PacketView& view) noexcept {
    const std::size_t field = std::size_t{offload.checksum_start} + offload.checksum_offset;
    if (offload.checksum_start < view.transport_offset ||
        field + sizeof(Be16) > view.bytes.size())
        return false;
    L4Proto protocol{};
    if (!view.has_transport_header() || !view.l4(protocol)) return true;
    const auto places = places_of(protocol);
    return field == view.transport_offset + places.checksum ||
           field >= view.transport_offset + places.end;
}

/// What the device would have done: sums from checksum_start, where the field holds the
/// pseudo-header's sum, to the end. A result of zero would mean "no checksum" in UDP (RFC 768).
void finish_checksum(PacketBuffer& packet, const PacketView& view) noexcept {
    auto& offload = packet.offload;
    const auto start = offload.checksum_start;
    auto sum = ChecksumSum{}.add(view.bytes.subspan(start)).checksum();
    if (sum == 0 && offload.checksum_offset == kUdpChecksumOffset) sum = 0xffff;
    overlay<Be16>(packet.bytes(), std::size_t{start} + offload.checksum_offset) = sum;
    offload.partial_checksum = false;
}

} // namespace

std::expected<void, DropReason> normalize_offload(PacketBuffer& packet,
                                                  const PacketView& view) noexcept {
    auto& offload = packet.offload;
    if (offload.segmentation != Segmentation::None) {
        if (!segmentation_fits(offload, view)) return std::unexpected(DropReason::BadOffload);
        if (payload_size(view) <= offload.segment_size)
            offload.segmentation = Segmentation::None;
    }
    const bool segmented = offload.segmentation != Segmentation::None;
    if (!segmented) {
        offload.segment_size = 0;
        offload.tcp_cwr = false;
    }
    if (offload.partial_checksum && !has_plain_checksum(offload, view)) {
        if (segmented || !checksum_has_place(offload, view))
            return std::unexpected(DropReason::BadOffload);
        finish_checksum(packet, view);
    }
    if (!offload.partial_checksum) {
        offload.checksum_start = 0;
        offload.checksum_offset = 0;
    }
    return {};
}

} // namespace nat64
