// SPDX-License-Identifier: Apache-2.0
// Summing payload, the only part of checksum arithmetic that costs time with length. A ones'
// complement sum does not care about byte order (RFC 1071 §2 B), so words are added as they lie
// in memory, eight bytes at a time, and only the result is swapped.
#include "core/net/checksum.hpp"

#include "core/net/bytes.hpp"

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

namespace nat64 {

namespace {

std::uint64_t load64(const std::byte* at) noexcept {
    std::uint64_t word = 0;
    std::memcpy(&word, at, sizeof word);
    return word;
}

/// Up to seven bytes as the low bytes (in memory order) of a word.
std::uint64_t load_tail(const std::byte* at, std::size_t size) noexcept {
    std::uint64_t word = 0;
    std::memcpy(&word, at, size);
    return word;
}

} // namespace

ChecksumSum& ChecksumSum::add(std::span<const std::byte> bytes) noexcept {
    const std::byte* at = bytes.data();
    std::size_t left = bytes.size();
    std::uint64_t even = 0;
    std::uint64_t odd = 0;
    for (; left >= 32; left -= 32, at += 32) {
        even = add_carry(add_carry(even, load64(at)), load64(at + 16));
        odd = add_carry(add_carry(odd, load64(at + 8)), load64(at + 24));
    }
    for (; left >= 8; left -= 8, at += 8)
        even = add_carry(even, load64(at));
    if (left != 0) odd = add_carry(odd, load_tail(at, left));
    sum_ += to_big_endian(fold(add_carry(even, odd)));
    return *this;
}

} // namespace nat64
