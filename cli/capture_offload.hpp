// SPDX-License-Identifier: Apache-2.0
// Captures show packets as the kernel has them, before the network card completes them:
// checksums that hold the pseudo-header's sum only, and super-packets larger than any link.
// guess_offload() recognises both, so that replay translates them as the daemon would;
// finish_checksum() does the card's part on the way out. Pure.
#pragma once

#include "core/net/packet_buffer.hpp"
#include "core/rfc7915/rfc7915.hpp"

#include <span>

namespace nat64::cli {

/// What a TUN would have said about this IP packet. A TCP or UDP checksum that is right as a
/// sum over the pseudo-header is partial; a packet that is larger than its side's MTU and whose
/// checksum is not right as a whole is a super-packet, to be cut to fit the smallest MTU.
[[nodiscard]] Offload guess_offload(std::span<const std::byte> packet,
                                    const rfc7915::Settings& mtus) noexcept;

/// Completes a partial checksum; other packets are left alone.
void finish_checksum(PacketBuffer& packet) noexcept;

} // namespace nat64::cli
