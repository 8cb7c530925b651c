// SPDX-License-Identifier: Apache-2.0
// RFC 7915 §5.1, RFC 7739 in spirit: IPv4 identifications from a keyed permutation of a counter
// (a Feistel network over two bytes), so that no value comes twice in a round of 65536 and
// neither the traffic's rate nor the next value can be read from the last one. Every round has
// a key of its own.
#include "core/random.hpp"
#include "core/rfc7915/rfc7915.hpp"

#include <cstdint>

namespace nat64::rfc7915 {

namespace {

constexpr std::uint64_t kGolden = 0x9e3779b97f4a7c15;
/// Three make a permutation that cannot be told from a random one (Luby and Rackoff, 1988), as
/// far as the round function goes.
constexpr unsigned kRounds = 3;

/// The finalizer of SplitMix64 (Steele, Lea and Flood, 2014).
std::uint64_t mix(std::uint64_t x) noexcept {
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
    x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
    return x ^ (x >> 31);
}

/// One byte out of one byte and 16 bits of key.
std::uint8_t scramble(std::uint8_t half, std::uint64_t key, unsigned round) noexcept {
    const auto keyed = half ^ static_cast<std::uint32_t>(key >> (16 * round) & 0xffff);
    return static_cast<std::uint8_t>((keyed * 0x9e3779b1U) >> 24);
}

} // namespace

Identification::Identification(Rng& rng) noexcept : key_{rng.next()} {}

std::uint16_t Identification::next() noexcept {
    auto left = static_cast<std::uint8_t>(counter_ >> 8);
    auto right = static_cast<std::uint8_t>(counter_);
    for (unsigned round = 0; round < kRounds; ++round) {
        const auto mixed = static_cast<std::uint8_t>(left ^ scramble(right, key_, round));
        left = right;
        right = mixed;
    }
    if (++counter_ == 0) key_ = mix(key_ + kGolden);
    return static_cast<std::uint16_t>(left << 8 | right);
}

} // namespace nat64::rfc7915
