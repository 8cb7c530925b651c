// SPDX-License-Identifier: Apache-2.0
// Routers are seen to send length fields that contradict the message. A length shorter than the
// 128 bytes of RFC 4884 §3 is believed and padded on the way out; one that reaches past the end
// of the message, or into the headers of the quoted packet, is taken for not there.
#include "core/rfc7915/quote.hpp"

#include "core/net/bytes.hpp"
#include "core/net/checksum.hpp"
#include "core/net/headers.hpp"
#include "core/net/packet_buffer.hpp"
#include "core/net/packet_view.hpp"
#include "core/rfc7915/icmp_types.hpp"

#include <algorithm>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

namespace nat64::rfc7915 {

namespace {

/// RFC 4884 §3: "the 'original datagram' field MUST contain at least 128 octets" if there is an
/// extension.
constexpr std::size_t kLeastPadded = 128;
/// RFC 4884 §7: version and checksum in front of the objects.
constexpr std::size_t kExtensionHeader = 4;
/// The length field is one byte.
constexpr std::size_t kMostUnits = 255;
/// What the parser has seen of the quoted packet's transport header.
constexpr std::size_t kLeastTransport = 8;

/// RFC 4884 §7: version 2, and a checksum unless it is zero.
bool is_extension(std::span<const std::byte> bytes) noexcept {
    if (bytes.size() < kExtensionHeader) return false;
    if (std::to_integer<unsigned>(bytes[0]) >> 4 != 2) return false;
    return overlay<Be16>(bytes, 2).value() == 0 || ChecksumSum{}.add(bytes).folded() == 0xffff;
}

} // namespace

Quote split_quote(const PacketView& error, const PacketView& quoted) noexcept {
    const auto body = error.transport().subspan(sizeof(IcmpHeader));
    const std::size_t length = quoted_length_attribute(error);
    if (length < quoted.transport_offset + kLeastTransport || length > body.size() ||
        !is_extension(body.subspan(length)))
        return {.datagram = quoted.bytes, .extension = {}};
    return {.datagram = quoted.bytes.first(std::min(quoted.bytes.size(), length)),
            .extension = body.subspan(length)};
}

BodyLayout append_extension(std::span<std::byte> room,
                            std::size_t datagram_size,
                            std::span<const std::byte> extension,
                            std::size_t unit) noexcept {
    assert(datagram_size <= room.size());
    if (extension.empty() || extension.size() + kLeastPadded > room.size())
        return {.size = datagram_size, .length_field = 0};
    const auto wanted = std::max(kLeastPadded, (datagram_size + unit - 1) / unit * unit);
    const auto most = std::min((room.size() - extension.size()) / unit, kMostUnits) * unit;
    const auto padded = std::min(wanted, most);
    if (padded > datagram_size)
        std::ranges::fill(room.subspan(datagram_size, padded - datagram_size), std::byte{0});
    std::ranges::copy(extension, room.subspan(padded).begin());
    return {.size = padded + extension.size(),
            .length_field = static_cast<std::uint8_t>(padded / unit)};
}

void replace_contents(PacketBuffer& packet, std::span<const std::byte> message) noexcept {
    constexpr auto kAtTheFront = sizeof(Ipv6Header) - sizeof(Ipv4Header);
    if (message.size() > packet.size())
        packet.push_front(std::min(message.size() - packet.size(), kAtTheFront));
    packet.resize(message.size());
    std::ranges::copy(message, packet.bytes().begin());
    packet.offload = {};
}

} // namespace nat64::rfc7915
