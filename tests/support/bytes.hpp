// SPDX-License-Identifier: Apache-2.0
// Byte strings for tests: big-endian access, hexadecimal text. Nothing here uses the program's
// own code for byte order, so that a mistake there cannot hide itself.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace nat64::test {

using Bytes = std::vector<std::byte>;
using View = std::span<const std::byte>;

[[nodiscard]] inline std::uint8_t get8(View bytes, std::size_t at) {
    return std::to_integer<std::uint8_t>(bytes[at]);
}

[[nodiscard]] inline std::uint16_t get16(View bytes, std::size_t at) {
    return static_cast<std::uint16_t>(get8(bytes, at) << 8 | get8(bytes, at + 1));
}

[[nodiscard]] inline std::uint32_t get32(View bytes, std::size_t at) {
    return std::uint32_t{get16(bytes, at)} << 16 | get16(bytes, at + 2);
}

inline void put8(std::span<std::byte> bytes, std::size_t at, unsigned value) {
    bytes[at] = static_cast<std::byte>(value & 0xff);
}

inline void put16(std::span<std::byte> bytes, std::size_t at, unsigned value) {
    put8(bytes, at, value >> 8);
    put8(bytes, at + 1, value);
}

inline void put32(std::span<std::byte> bytes, std::size_t at, std::uint32_t value) {
    put16(bytes, at, value >> 16);
    put16(bytes, at + 2, value & 0xffff);
}

void append(Bytes& to, View more);

/// With zeros behind it up to a multiple of `unit`.
[[nodiscard]] Bytes padded(View bytes, std::size_t unit);

inline void append8(Bytes& to, unsigned value) {
    to.push_back(static_cast<std::byte>(value & 0xff));
}

inline void append16(Bytes& to, unsigned value) {
    append8(to, value >> 8);
    append8(to, value);
}

inline void append32(Bytes& to, std::uint32_t value) {
    append16(to, value >> 16);
    append16(to, value & 0xffff);
}

/// "45 00 00 1c" (white space is ignored) as bytes. Throws std::invalid_argument.
[[nodiscard]] Bytes unhex(std::string_view text);

/// "45 00 00 1c": at most `limit` bytes, then " ...".
[[nodiscard]] std::string hex(View bytes, std::size_t limit = 1 << 20);

/// `size` bytes that count up from `first`: a payload in which a shifted byte shows.
[[nodiscard]] Bytes pattern(std::size_t size, unsigned first = 0);

} // namespace nat64::test
