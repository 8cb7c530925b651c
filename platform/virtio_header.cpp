// SPDX-License-Identifier: Apache-2.0
// The rules of virtio_net_hdr_to_skb() and virtio_net_hdr_from_skb() (include/linux/
// virtio_net.h of the kernel), both ways. Everything read from the packet itself is within
// bounds that were checked first.
#include "platform/virtio_header.hpp"

#include "core/net/packet_buffer.hpp"
#include "core/verdict.hpp"

#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>
#include <span>

namespace nat64::platform {

namespace {

constexpr std::size_t kMinIpv4Header = 20;
constexpr std::size_t kIpv6Header = 40;
constexpr std::size_t kUdpHeader = 8;
constexpr std::size_t kMinTcpHeader = 20;
constexpr std::uint16_t kTcpChecksumOffset = 16;
constexpr std::uint16_t kUdpChecksumOffset = 6;
/// The kernel's mark for "cut by fragment list", which cannot cross this interface.
constexpr std::uint16_t kGsoByFragments = 0xffff;

unsigned version_of(std::span<const std::byte> packet) noexcept {
    return packet.empty() ? 0 : std::to_integer<unsigned>(packet[0]) >> 4;
}

std::size_t min_ip_header(std::span<const std::byte> packet) noexcept {
    return version_of(packet) == 6 ? kIpv6Header : kMinIpv4Header;
}

/// Length of IP and transport header, if the transport header lies in the packet.
std::optional<std::size_t> header_length(const Offload& offload,
                                         std::span<const std::byte> packet) noexcept {
    const std::size_t start = offload.checksum_start;
    if (offload.segmentation == Segmentation::Udp) {
        return start + kUdpHeader <= packet.size() ? std::optional{start + kUdpHeader}
                                                   : std::nullopt;
    }
    if (start + kMinTcpHeader > packet.size()) return std::nullopt;
    const std::size_t length = (std::to_integer<std::size_t>(packet[start + 12]) >> 4) * 4;
    if (length < kMinTcpHeader || start + length > packet.size()) return std::nullopt;
    return start + length;
}

/// The segmentation a gso_type names, nullopt for what does not fit the packet or is unknown.
std::optional<Segmentation> segmentation_of(std::uint8_t gso_type,
                                            std::span<const std::byte> packet) noexcept {
    const bool ecn = (gso_type & VirtioHeader::kGsoEcn) != 0;
    switch (gso_type & ~VirtioHeader::kGsoEcn) {
    case VirtioHeader::kGsoNone:
        return ecn ? std::nullopt : std::optional{Segmentation::None};
    case VirtioHeader::kGsoTcpV4:
        return version_of(packet) == 4 ? std::optional{Segmentation::Tcp} : std::nullopt;
    case VirtioHeader::kGsoTcpV6:
        return version_of(packet) == 6 ? std::optional{Segmentation::Tcp} : std::nullopt;
    case VirtioHeader::kGsoUdpL4:
        return ecn ? std::nullopt : std::optional{Segmentation::Udp};
    default:
        return std::nullopt;
    }
}

bool checksum_fits(const Offload& offload, std::span<const std::byte> packet) noexcept {
    if (offload.checksum_start < min_ip_header(packet)) return false;
    return std::size_t{offload.checksum_start} + offload.checksum_offset + 2 <= packet.size();
}

/// A super-packet always has a partial checksum: without one nobody could sum the segments.
bool segmentation_fits(const Offload& offload, std::span<const std::byte> packet) noexcept {
    if (offload.segment_size == 0 || offload.segment_size == kGsoByFragments) return false;
    const auto expected =
        offload.segmentation == Segmentation::Tcp ? kTcpChecksumOffset : kUdpChecksumOffset;
    return offload.partial_checksum && offload.checksum_offset == expected &&
           header_length(offload, packet).has_value();
}

std::uint8_t gso_type_of(const Offload& offload, std::span<const std::byte> packet) noexcept {
    if (offload.segmentation == Segmentation::Udp) return VirtioHeader::kGsoUdpL4;
    const auto type =
        version_of(packet) == 6 ? VirtioHeader::kGsoTcpV6 : VirtioHeader::kGsoTcpV4;
    return static_cast<std::uint8_t>(type | (offload.tcp_cwr ? VirtioHeader::kGsoEcn : 0));
}

} // namespace

std::expected<Offload, DropReason> decode(const VirtioHeader& header,
                                          std::span<const std::byte> packet) noexcept {
    const auto segmentation = segmentation_of(header.gso_type, packet);
    if (!segmentation) return std::unexpected{DropReason::BadOffload};

    Offload offload;
    if ((header.flags & VirtioHeader::kNeedsCsum) != 0) {
        offload.partial_checksum = true;
        offload.checksum_start = header.csum_start;
        offload.checksum_offset = header.csum_offset;
        if (!checksum_fits(offload, packet)) return std::unexpected{DropReason::BadOffload};
    }
    if (*segmentation != Segmentation::None) {
        offload.segmentation = *segmentation;
        offload.segment_size = header.gso_size;
        offload.tcp_cwr = (header.gso_type & VirtioHeader::kGsoEcn) != 0;
        if (!segmentation_fits(offload, packet)) return std::unexpected{DropReason::BadOffload};
    }
    return offload;
}

VirtioHeader encode(const Offload& offload, std::span<const std::byte> packet) noexcept {
    VirtioHeader header;
    if (!offload.partial_checksum) return header;
    header.flags = VirtioHeader::kNeedsCsum;
    header.csum_start = offload.checksum_start;
    header.csum_offset = offload.checksum_offset;
    if (offload.segmentation == Segmentation::None) return header;

    const auto headers = header_length(offload, packet);
    if (!headers || packet.size() - *headers <= offload.segment_size) return header;
    header.gso_type = gso_type_of(offload, packet);
    header.gso_size = offload.segment_size;
    header.hdr_len = static_cast<std::uint16_t>(*headers);
    return header;
}

} // namespace nat64::platform
