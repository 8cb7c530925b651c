// SPDX-License-Identifier: Apache-2.0
// The rules are those of __udp_gso_segment() and inet_gso_segment() in the kernel, read
// backwards: a row is what they would make of its super-packet.
#include "platform/udp_row.hpp"

#include "core/net/bytes.hpp"
#include "core/net/checksum.hpp"
#include "core/net/headers.hpp"
#include "core/net/packet_buffer.hpp"
#include "platform/virtio_header.hpp"

#include <algorithm>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

namespace nat64::platform {

namespace {

using Bytes = std::span<const std::byte>;

/// Length of the IP header if this is UDP with payload, else 0.
std::size_t udp_offset(Bytes packet) noexcept {
    const unsigned version = std::to_integer<unsigned>(packet[0]) >> 4;
    const std::size_t ip = version == 4 ? sizeof(Ipv4Header) : sizeof(Ipv6Header);
    const auto protocol = version == 4 ? overlay<Ipv4Header>(packet).protocol
                                       : overlay<Ipv6Header>(packet).next_header;
    return protocol == kProtoUdp && packet.size() > ip + sizeof(UdpHeader) ? ip : 0;
}

/// The headers of both say the same. Not looked at: lengths, checksums and identification.
bool same_headers(const std::byte* a, const std::byte* b, std::size_t ip) noexcept {
    const auto same = [a, b](std::size_t from, std::size_t to) {
        return std::memcmp(a + from, b + from, to - from) == 0;
    };
    constexpr std::size_t kPorts = 2 * sizeof(Be16);
    if (ip == sizeof(Ipv4Header)) {
        return same(0, offsetof(Ipv4Header, total_length)) &&
               same(offsetof(Ipv4Header, flags_fragment), offsetof(Ipv4Header, checksum)) &&
               same(offsetof(Ipv4Header, source), sizeof(Ipv4Header) + kPorts);
    }
    return same(0, offsetof(Ipv6Header, payload_length)) &&
           same(offsetof(Ipv6Header, next_header), sizeof(Ipv6Header) + kPorts);
}

ChecksumSum pseudo_header_of(Bytes packet, std::size_t ip, std::size_t length) noexcept {
    const auto size = static_cast<std::uint32_t>(length);
    if (ip == sizeof(Ipv4Header)) {
        const auto& header = overlay<Ipv4Header>(packet);
        return pseudo_header(
            header.source.value(), header.destination.value(), kProtoUdp, size);
    }
    const auto& header = overlay<Ipv6Header>(packet);
    return pseudo_header(header.source.value(), header.destination.value(), kProtoUdp, size);
}

/// Partial, or right. Zero is neither: it means "none" (RFC 768).
bool checksum_is_safe(const PacketBuffer& packet, std::size_t ip) noexcept {
    if (packet.offload.partial_checksum) return true;
    const auto bytes = packet.bytes();
    if (overlay<UdpHeader>(bytes, ip).checksum.value() == 0) return false;
    const auto udp = bytes.subspan(ip);
    return pseudo_header_of(bytes, ip, udp.size()).add(udp).folded() == 0xffff;
}

} // namespace

std::size_t udp_row_length(std::span<const PacketBuffer> packets) noexcept {
    const auto& first = packets[0];
    const std::size_t ip = udp_offset(first.bytes());
    if (ip == 0 || packets.size() == 1) return 1;
    const std::size_t headers = ip + sizeof(UdpHeader);
    std::size_t total = first.size();
    std::size_t count = 1;
    for (; count < std::min(packets.size(), kMaxRow); ++count) {
        const auto& next = packets[count];
        if (next.size() <= headers || next.size() > first.size()) break;
        if (total + next.size() - headers > kMaxPacket) break;
        if (!same_headers(first.data(), next.data(), ip)) break;
        if (count == 1 && !checksum_is_safe(first, ip)) return 1;
        if (!checksum_is_safe(next, ip)) break;
        total += next.size() - headers;
        if (next.size() < first.size()) return count + 1;
    }
    return count;
}

// NOLINTNEXTLINE(cppcoreguidelines-pro-type-member-init): of both as much as is used
UdpRow::UdpRow(std::span<const PacketBuffer> packets) noexcept : count_{1 + packets.size()} {
    assert(packets.size() >= 2 && packets.size() <= kMaxRow);
    const auto first = packets[0].bytes();
    const std::size_t ip = udp_offset(first);
    const std::size_t headers = ip + sizeof(UdpHeader);
    std::size_t payload = 0;
    for (std::size_t i = 0; i < packets.size(); ++i) {
        const auto rest = packets[i].bytes().subspan(headers);
        // NOLINTNEXTLINE(cppcoreguidelines-pro-type-const-cast): writev() reads only
        parts_[1 + i] = {.iov_base = const_cast<std::byte*>(rest.data()),
                         .iov_len = rest.size()};
        payload += rest.size();
    }
    const VirtioHeader header{
        .flags = VirtioHeader::kNeedsCsum,
        .gso_type = VirtioHeader::kGsoUdpL4,
        .hdr_len = static_cast<std::uint16_t>(headers),
        .gso_size = static_cast<std::uint16_t>(first.size() - headers),
        .csum_start = static_cast<std::uint16_t>(ip),
        .csum_offset = offsetof(UdpHeader, checksum),
    };
    std::memcpy(head_.data(), &header, sizeof header);
    const std::span made{head_.data() + sizeof header, headers};
    std::memcpy(made.data(), first.data(), headers);
    const std::size_t length = sizeof(UdpHeader) + payload;
    auto& udp = overlay<UdpHeader>(made, ip);
    udp.length = static_cast<std::uint16_t>(length);
    udp.checksum = pseudo_header_of(made, ip, length).folded();
    if (ip == sizeof(Ipv4Header)) {
        auto& ip4 = overlay<Ipv4Header>(made);
        ip4.total_length = static_cast<std::uint16_t>(ip + length);
        ip4.checksum = std::uint16_t{0};
        ip4.checksum = ipv4_header_checksum(made.first<sizeof(Ipv4Header)>());
    } else {
        overlay<Ipv6Header>(made).payload_length = static_cast<std::uint16_t>(length);
    }
    parts_[0] = {.iov_base = head_.data(), .iov_len = sizeof header + headers};
}

} // namespace nat64::platform
