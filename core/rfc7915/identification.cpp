// SPDX-License-Identifier: Apache-2.0
// RFC 7915 §5.1, RFC 7739 in spirit: IPv4 identifications from a keyed permutation of a counter
// (a Feistel network over two bytes), so that no value comes twice in a round of 65536 and
// neither the traffic's rate nor the next value can be read from the last one. Every round has
// a key of its own.
#include "core/random.hpp"
#include "core/rfc7915/rfc7915.hpp"

#include <cstddef>
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

/// One byte, the upper one, out of one byte and 16 bits of key.
constexpr std::uint16_t scramble(std::uint16_t half, std::uint16_t key) noexcept {
    return static_cast<std::uint16_t>(((half ^ key) * 0x9e3bU & 0xffff) >> 8);
}

} // namespace

Identification::Identification(Rng& rng) noexcept : key_{rng.next()} {}

/// In 16-bit arithmetic without branches, so that compilers make vector instructions of it.
void Identification::refill() noexcept {
    for (std::size_t i = 0; i < kBlock; ++i) {
        const auto counter = static_cast<std::uint16_t>(counter_ + i);
        auto left = static_cast<std::uint16_t>(counter >> 8);
        auto right = static_cast<std::uint16_t>(counter & 0xff);
        for (unsigned round = 0; round < kRounds; ++round) {
            const auto key = static_cast<std::uint16_t>(key_ >> (16 * round));
            const auto mixed = static_cast<std::uint16_t>(left ^ scramble(right, key));
            left = right;
            right = mixed;
        }
        block_[i] = static_cast<std::uint16_t>(left << 8 | right);
    }
    used_ = 0;
    counter_ = static_cast<std::uint16_t>(counter_ + kBlock);
    if (counter_ == 0) key_ = mix(key_ + kGolden);
}

} // namespace nat64::rfc7915
