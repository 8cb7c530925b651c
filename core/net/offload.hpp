// SPDX-License-Identifier: Apache-2.0
// Offload metadata of a packet against the packet itself. What a device says about checksum and
// segmentation is input like any other: here it is checked once, behind parsing, and brought to
// the few forms that translation carries on to the other family. Whoever rewrites a packet
// after this may rely on them. What the kernel checks on the way out is the platform's concern
// (platform/virtio_header).
#pragma once

#include "core/net/headers.hpp"
#include "core/net/packet_buffer.hpp"
#include "core/net/packet_view.hpp"
#include "core/verdict.hpp"

#include <cstddef>
#include <cstdint>
#include <expected>

namespace nat64 {

/// Checks `packet.offload` against the packet, which `view` has parsed, and leaves only:
///   - a partial checksum of TCP or UDP in the usual place, in a packet that is no fragment.
///     Any other one that lies behind the IP headers (ICMPv6, encapsulated) is finished by
///     summing and becomes a full one;
///   - segmentation of TCP or UDP into more than one segment, in a packet that is no fragment;
///     of UDP only with a partial checksum.
/// The values of what is not there become zero. Writes to the packet's checksum field at most.
///
/// Errors: BadOffload if the metadata points outside the packet, into headers that have been
/// parsed (but for their checksum), or contradicts it.
[[nodiscard]] std::expected<void, DropReason>
normalize_offload(PacketBuffer& packet, const PacketView& view) noexcept;

/// The partial checksum is TCP's or UDP's own, so that a delta over the addresses updates it.
[[nodiscard]] inline bool has_plain_checksum(const Offload& offload,
                                             const PacketView& view) noexcept {
    constexpr std::uint16_t tcp = offsetof(TcpHeader, checksum);
    constexpr std::uint16_t udp = offsetof(UdpHeader, checksum);
    if (view.is_fragment() || offload.checksum_start != view.transport_offset) return false;
    return (view.protocol == kProtoTcp && offload.checksum_offset == tcp) ||
           (view.protocol == kProtoUdp && offload.checksum_offset == udp);
}

/// normalize_offload() would change nothing, and there is no segmentation.
[[nodiscard]] inline bool is_normal_and_whole(const Offload& offload,
                                              const PacketView& view) noexcept {
    if (offload.segmentation != Segmentation::None || offload.segment_size != 0 ||
        offload.tcp_cwr)
        return false;
    if (offload.partial_checksum) return has_plain_checksum(offload, view);
    return (offload.checksum_start | offload.checksum_offset) == 0;
}

} // namespace nat64
