// SPDX-License-Identifier: Apache-2.0
// What stands behind the header of an ICMP error, in either family: the packet it quotes, and
// the extension that RFC 4884 may have put behind that. Splitting, laying out again in the
// other family's units, and putting the finished message into the packet's buffer. Translating
// the quoted packet is icmpv6_to_icmpv4's and icmpv4_to_icmpv6's.
#pragma once

#include "core/net/packet_buffer.hpp"
#include "core/net/packet_view.hpp"
#include "core/rfc7915/icmp_types.hpp"

#include <cstddef>
#include <cstdint>
#include <span>

namespace nat64::rfc7915 {

struct Quote {
    std::span<const std::byte> datagram;  ///< what is there of the quoted packet
    std::span<const std::byte> extension; ///< opaque; empty if there is none
};

/// Splits what `error` carries. `quoted` is its parsed content.
[[nodiscard]] Quote split_quote(const PacketView& error, const PacketView& quoted) noexcept;

/// How the body of an error was laid out.
struct BodyLayout {
    std::size_t size = 0;          ///< bytes of quoted packet, padding and extension
    std::uint8_t length_field = 0; ///< RFC 4884 §4; 0 without extension
};

/// RFC 4884 §3: puts the extension behind the translated packet at the start of `room`, padding
/// it to `unit` bytes (4 in ICMPv4, 8 in ICMPv6) and to at least 128. `room` is all there may
/// be: the quoted packet is shortened for it, and an extension that does not fit even so is
/// left out.
[[nodiscard]] BodyLayout append_extension(std::span<std::byte> room,
                                          std::size_t datagram_size,
                                          std::span<const std::byte> extension,
                                          std::size_t unit) noexcept;

/// Makes `message` the contents of the packet. It may be up to kTailroom + 20 bytes longer than
/// what was there.
void replace_contents(PacketBuffer& packet, std::span<const std::byte> message) noexcept;

} // namespace nat64::rfc7915
