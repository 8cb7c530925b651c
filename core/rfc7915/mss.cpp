// SPDX-License-Identifier: Apache-2.0
#include "core/rfc7915/mss.hpp"

#include "core/net/bytes.hpp"
#include "core/net/headers.hpp"
#include "core/rfc7915/transport.hpp"

#include <algorithm>
#include <cstddef>
#include <span>

namespace nat64::rfc7915 {

namespace {

constexpr std::byte kEndOfOptions{0};
constexpr std::byte kNoOperation{1};
constexpr std::byte kMaximumSegmentSize{2};
constexpr std::size_t kMssLength = 4;

constexpr std::uint16_t swapped(std::uint16_t word) noexcept {
    return static_cast<std::uint16_t>(word << 8 | word >> 8);
}

/// A checksum sums words that begin at even offsets; an option may begin anywhere.
constexpr std::uint16_t summed_at(std::size_t offset, std::uint16_t word) noexcept {
    return offset % 2 == 0 ? word : swapped(word);
}

void lower(std::span<std::byte> segment,
           std::size_t offset,
           std::uint16_t most,
           ChecksumKind kind) noexcept {
    auto& value = overlay<Be16>(segment, offset);
    const auto before = value.value();
    if (before <= most) return;
    value = most;
    if (kind == ChecksumKind::Partial) return; // does not cover it
    const auto delta = Delta{}.remove(summed_at(offset, before)).add(summed_at(offset, most));
    auto& checksum = overlay<Be16>(segment, offsetof(TcpHeader, checksum));
    checksum = delta.full(checksum.value());
}

/// Looks at the 40 bytes that options can have at the most.
void clamp_options(std::span<std::byte> segment,
                   std::uint16_t most,
                   ChecksumKind kind) noexcept {
    const std::size_t end = std::size_t{overlay<TcpHeader>(segment).data_offset} >> 4 << 2;
    if (end > segment.size()) return;
    for (std::size_t at = sizeof(TcpHeader); at < end;) {
        if (segment[at] == kEndOfOptions) return;
        if (segment[at] == kNoOperation) {
            ++at;
            continue;
        }
        if (at + 1 == end) return;
        const auto length = std::to_integer<std::size_t>(segment[at + 1]);
        if (length < 2 || at + length > end) return;
        if (segment[at] == kMaximumSegmentSize && length == kMssLength)
            lower(segment, at + 2, most, kind);
        at += length;
    }
}

} // namespace

std::uint16_t largest_mss(const Settings& settings) noexcept {
    constexpr auto kHeaders6 = sizeof(Ipv6Header) + sizeof(TcpHeader);
    constexpr auto kHeaders4 = sizeof(Ipv4Header) + sizeof(TcpHeader);
    return static_cast<std::uint16_t>(
        std::min(settings.ipv6_mtu.bytes() - kHeaders6, settings.ipv4_mtu.bytes() - kHeaders4));
}

void clamp_mss(PacketBuffer& packet,
               const PacketView& view,
               const Settings& settings) noexcept {
    if (view.protocol != kProtoTcp || (view.tcp_flags & TcpFlags::kSyn) == 0) return;
    const auto segment = packet.bytes().subspan(view.transport_offset);
    if (segment.size() < sizeof(TcpHeader)) return;
    clamp_options(segment, largest_mss(settings), checksum_kind(packet.offload));
}

} // namespace nat64::rfc7915
