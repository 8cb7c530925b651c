// SPDX-License-Identifier: Apache-2.0
// The virtio_net_hdr that stands in front of every packet on a TUN with IFF_VNET_HDR, and its
// translation from and to core's Offload. Pure: layout and rules, no descriptor.
//
// The layout is our own because linux/virtio_net.h is not C++ (it has a member named class).
// The rules are those of the kernel's virtio_net_hdr_to_skb(): what it would refuse with EINVAL
// is not written, what no kernel sends is not believed. Integers are native byte order, as the
// TUN has them without TUNSETVNETLE.
#pragma once

#include "core/net/packet_buffer.hpp"
#include "core/verdict.hpp"

#include <cstddef>
#include <cstdint>
#include <expected>
#include <span>

namespace nat64::platform {

struct VirtioHeader {
    std::uint8_t flags = 0;
    std::uint8_t gso_type = 0;
    std::uint16_t hdr_len = 0;
    std::uint16_t gso_size = 0;
    std::uint16_t csum_start = 0;
    std::uint16_t csum_offset = 0;
    std::uint16_t num_buffers = 0; ///< unused; its two bytes keep the packet aligned

    static constexpr std::uint8_t kNeedsCsum = 1;
    static constexpr std::uint8_t kDataValid = 2;

    static constexpr std::uint8_t kGsoNone = 0;
    static constexpr std::uint8_t kGsoTcpV4 = 1;
    static constexpr std::uint8_t kGsoUfo = 3;
    static constexpr std::uint8_t kGsoTcpV6 = 4;
    static constexpr std::uint8_t kGsoUdpL4 = 5; ///< Linux 6.2
    static constexpr std::uint8_t kGsoEcn = 0x80;

    friend bool operator==(const VirtioHeader&, const VirtioHeader&) = default;
};

/// The size to ask for with TUNSETVNETHDRSZ: 12 rather than the default 10.
inline constexpr std::size_t kVirtioHeaderSize = 12;
static_assert(sizeof(VirtioHeader) == kVirtioHeaderSize);

/// What the device said about `packet`. BadOffload for a segmentation type that we did not ask
/// for, and for offsets that do not lie in the packet. hdr_len is not looked at (a forwarding
/// kernel fills in the length of its first buffer), neither is DATA_VALID (we do not verify
/// payload checksums).
[[nodiscard]] std::expected<Offload, DropReason>
decode(const VirtioHeader& header, std::span<const std::byte> packet) noexcept;

/// The header to write in front of `packet`. Segmentation is asked for only if there is more
/// than one segment's payload: a kernel that counts 20 bytes for every TCP header would
/// otherwise drop a single segment with TCP options.
[[nodiscard]] VirtioHeader encode(const Offload& offload,
                                  std::span<const std::byte> packet) noexcept;

} // namespace nat64::platform
