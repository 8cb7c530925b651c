// SPDX-License-Identifier: Apache-2.0
// The tables of RFC 7915 §4.2 and §5.2: which ICMP error becomes which, and where a Parameter
// Problem points afterwards (Figures 3 and 6). What a table does not name has no counterpart
// and is dropped silently. Pure functions of type, code and the four bytes behind the checksum;
// what else becomes of an error is icmpv6_to_icmpv4 and icmpv4_to_icmpv6.
#pragma once

#include "core/net/packet_view.hpp"

#include <cstdint>
#include <optional>

namespace nat64::rfc7915 {

/// What stands in the four bytes behind the checksum of the translated error.
enum class ErrorField : std::uint8_t {
    Length,  ///< RFC 4884: the length of the quoted packet, or nothing
    Mtu,     ///< the MTU of the next hop
    Pointer, ///< a place in the quoted packet
};

/// An ICMP error in the other family.
struct MappedError {
    std::uint8_t type = 0;
    std::uint8_t code = 0;
    ErrorField field = ErrorField::Length;
    std::uint8_t pointer = 0; ///< with ErrorField::Pointer

    friend bool operator==(const MappedError&, const MappedError&) = default;
};

/// RFC 7915 §5.2. `rest` is the four bytes behind the checksum, host order.
[[nodiscard]] std::optional<MappedError>
map_icmpv6_error(std::uint8_t type, std::uint8_t code, std::uint32_t rest) noexcept;

/// RFC 7915 §4.2.
[[nodiscard]] std::optional<MappedError>
map_icmpv4_error(std::uint8_t type, std::uint8_t code, std::uint32_t rest) noexcept;

/// RFC 7915 Figure 6: a byte of the IPv6 header, as the byte of the IPv4 header that means the
/// same.
[[nodiscard]] std::optional<std::uint8_t> pointer_to_ipv4(std::uint32_t pointer) noexcept;

/// RFC 7915 Figure 3, the other way round.
[[nodiscard]] std::optional<std::uint8_t> pointer_to_ipv6(std::uint32_t pointer) noexcept;

/// RFC 4884 §3: how many bytes of the quoted packet stand in front of the extension, by the
/// length field of the error; 0 if the type has no such field or it is not used. ICMPv4 counts
/// words of 32 bits in the sixth byte, ICMPv6 words of 64 bits in the fifth.
[[nodiscard]] std::uint32_t quoted_length_attribute(const PacketView& error) noexcept;

} // namespace nat64::rfc7915
