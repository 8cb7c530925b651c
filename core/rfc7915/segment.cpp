// SPDX-License-Identifier: Apache-2.0
// Loops are bounded by the size of a packet: a piece has at least 1232 bytes, a super-packet's
// segment at least one.
#include "core/rfc7915/segment.hpp"

#include "core/net/bytes.hpp"
#include "core/net/headers.hpp"
#include "core/net/packet_buffer.hpp"
#include "core/rfc7915/ip_headers.hpp"
#include "core/rfc7915/rfc7915.hpp"
#include "core/rfc7915/transport.hpp"

#include <algorithm>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <span>

namespace nat64::rfc7915 {

namespace {

constexpr std::size_t kFragmentedHeaders = sizeof(Ipv6Header) + sizeof(Ipv6FragmentHeader);

PacketBuffer in_scratch(Scratch& scratch, std::size_t size) noexcept {
    return {scratch.storage, kHeadroom, size};
}

void emit_whole(std::span<const std::byte> transport,
                const Cut& cut,
                Scratch& scratch,
                Emit& emit) noexcept {
    auto packet = in_scratch(scratch, sizeof(Ipv6Header) + transport.size());
    auto header = cut.header;
    header.payload_length = static_cast<std::uint16_t>(transport.size());
    write_header(packet.bytes(), header);
    std::ranges::copy(transport, packet.bytes().subspan(sizeof(Ipv6Header)).begin());
    emit.packet(packet);
}

/// One fragment; `offset` is its place in the whole packet.
void emit_fragment(std::span<const std::byte> piece,
                   std::uint32_t offset,
                   bool more,
                   const Cut& cut,
                   Scratch& scratch,
                   Emit& emit) noexcept {
    auto packet = in_scratch(scratch, kFragmentedHeaders + piece.size());
    auto header = cut.header;
    header.next_header = kProtoFragment;
    header.payload_length =
        static_cast<std::uint16_t>(sizeof(Ipv6FragmentHeader) + piece.size());
    const auto bytes = packet.bytes();
    write_header(bytes, header);
    write_fragment_header(bytes.subspan(sizeof(Ipv6Header)),
                          cut.header.next_header,
                          offset,
                          more,
                          cut.identification);
    std::ranges::copy(piece, bytes.subspan(kFragmentedHeaders).begin());
    emit.packet(packet);
}

} // namespace

unsigned emit_pieces(std::span<const std::byte> transport,
                     const Cut& cut,
                     Scratch& scratch,
                     Emit& emit) noexcept {
    const bool fragment = cut.more || cut.offset != 0;
    if (!fragment && sizeof(Ipv6Header) + transport.size() <= cut.limit.bytes()) {
        emit_whole(transport, cut, scratch, emit);
        return 1;
    }
    assert(cut.limit.bytes() >= kFragmentedHeaders + 8);
    const std::size_t step = (cut.limit.bytes() - kFragmentedHeaders) / 8 * 8;
    unsigned pieces = 0;
    for (std::size_t at = 0; at < transport.size(); at += step, ++pieces) {
        const auto size = std::min(step, transport.size() - at);
        const bool more = cut.more || at + size < transport.size();
        const auto offset = cut.offset + static_cast<std::uint32_t>(at);
        emit_fragment(transport.subspan(at, size), offset, more, cut, scratch, emit);
    }
    return pieces;
}

/// Each datagram's header is written into the packet, in front of its part of the payload: over
/// the end of the datagram before it, which has left already, so that no payload moves twice.
unsigned emit_datagrams(std::span<std::byte> transport,
                        std::size_t segment_size,
                        Cut cut,
                        Scratch& scratch,
                        Emit& emit) noexcept {
    assert(segment_size != 0);
    const auto super_header = overlay<UdpHeader>(transport);
    const auto payload = transport.size() - sizeof(UdpHeader);
    unsigned emitted = 0;
    for (std::size_t at = 0; at < payload; at += segment_size) {
        const auto size = sizeof(UdpHeader) + std::min(segment_size, payload - at);
        const auto datagram = transport.subspan(at, size);
        auto& header = overlay<UdpHeader>(datagram);
        header = super_header;
        header.length = static_cast<std::uint16_t>(size);
        sum_udp(datagram, cut.header.source, cut.header.destination);
        emitted += emit_pieces(datagram, cut, scratch, emit);
        cut.identification = (cut.identification + 1) & 0xffff;
    }
    return emitted;
}

} // namespace nat64::rfc7915
