// SPDX-License-Identifier: Apache-2.0
// A row of UDP datagrams, one behind the other in the same flow, as the one super-packet that
// the kernel cuts into the same datagrams again (VIRTIO_NET_HDR_GSO_UDP_L4): its headers are
// made here, its payloads are left where they are. So a burst of datagrams costs one write()
// and one way through the kernel's stack (docs/adr/0034-udp-rows.md).
//
// Pure: what may stand in one row, and its parts for writev(); platform/tun_queue writes them.
// No allocation, no system call, at most kMaxRow packets at once.
#pragma once

#include "core/net/headers.hpp"
#include "core/net/packet_buffer.hpp"
#include "platform/virtio_header.hpp"

#include <array>
#include <cstddef>
#include <span>

#include <sys/uio.h>

namespace nat64::platform {

/// No more segments than any kernel allows (UDP_MAX_SEGMENTS, 128 in newer ones).
inline constexpr std::size_t kMaxRow = 64;

/// How many of `packets` from the first on can be one row; 1 if the first goes alone. Packets
/// of a row have the same headers but for length, IPv4 identification and checksums, payload
/// of the same length (the last one's may be shorter), and a checksum that is partial or
/// right: what is wrong must arrive wrong, and the kernel would mend it.
///
/// `packets` are whole TCP or UDP packets without options, extension headers or segmentation.
[[nodiscard]] std::size_t udp_row_length(std::span<const PacketBuffer> packets) noexcept;

/// A row of udp_row_length() packets, at least two, made ready for writev(). IPv4
/// identifications go on from the first one's. The packets stay as they are and must outlive
/// the row.
class UdpRow {
public:
    explicit UdpRow(std::span<const PacketBuffer> packets) noexcept;
    UdpRow(const UdpRow&) = delete;
    UdpRow& operator=(const UdpRow&) = delete;
    ~UdpRow() = default;

    /// Virtio header and headers, then the payloads.
    [[nodiscard]] std::span<const iovec> parts() const noexcept {
        return {parts_.data(), count_};
    }

private:
    std::array<std::byte, kVirtioHeaderSize + sizeof(Ipv6Header) + sizeof(UdpHeader)> head_;
    std::array<iovec, 1 + kMaxRow> parts_;
    std::size_t count_;
};

} // namespace nat64::platform
