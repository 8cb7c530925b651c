// SPDX-License-Identifier: Apache-2.0
// The Internet checksum (RFC 1071) and its incremental update (RFC 1624). Sums are kept as
// ones' complement sums of 16-bit words in host order of network-order data; nothing is stored
// byte-swapped. Payload is summed only where it must be; translation works with deltas over
// addresses and ports.
#pragma once

#include "core/net/address.hpp"
#include "core/net/bytes.hpp"

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

namespace nat64 {

/// A sum of 16-bit words, or of wider ones, folded to 16 bits: each step adds the two halves,
/// rotated onto each other so that the carry comes round by itself.
[[nodiscard]] constexpr std::uint16_t fold(std::uint64_t sum) noexcept {
    const auto half = static_cast<std::uint32_t>((sum + std::rotl(sum, 32)) >> 32);
    return static_cast<std::uint16_t>((half + std::rotl(half, 16)) >> 16);
}

/// Adds with end-around carry, so that no carry of a 64-bit sum is lost.
[[nodiscard]] constexpr std::uint64_t add_carry(std::uint64_t sum,
                                                std::uint64_t word) noexcept {
    sum += word;
    return sum + (sum < word ? 1U : 0U);
}

/// A ones' complement sum in progress: an integer that is congruent to the sum modulo 65535, so
/// that wider words may be added as they are. 2^31 additions do not overflow it.
class ChecksumSum {
public:
    constexpr ChecksumSum() noexcept = default;

    /// Adds bytes as big-endian words; an odd last byte is padded with zero. The start must be
    /// at an even offset of the summed data.
    ChecksumSum& add(std::span<const std::byte> bytes) noexcept;

    constexpr ChecksumSum& add(std::uint16_t word) noexcept {
        sum_ += word;
        return *this;
    }

    constexpr ChecksumSum& add(Ipv4Addr a) noexcept { return add32(a.bits()); }

    constexpr ChecksumSum& add(const Ipv6Addr& a) noexcept {
        const auto high = a.high();
        const auto low = a.low();
        sum_ += (high >> 32) + (high & 0xffffffff) + (low >> 32) + (low & 0xffffffff);
        return *this;
    }

    constexpr ChecksumSum& add32(std::uint32_t value) noexcept {
        sum_ += value;
        return *this;
    }

    constexpr ChecksumSum& subtract(std::uint16_t word) noexcept {
        return add(static_cast<std::uint16_t>(~word));
    }

    /// Folded to 16 bits, not complemented: what a partial checksum field holds.
    [[nodiscard]] constexpr std::uint16_t folded() const noexcept { return fold(sum_); }

    /// The checksum: the complement of folded().
    [[nodiscard]] constexpr std::uint16_t checksum() const noexcept {
        return static_cast<std::uint16_t>(~folded());
    }

private:
    std::uint64_t sum_ = 0;
};

/// The pseudo-header sums of RFC 9293 §3.1 / RFC 768 and RFC 8200 §8.1. `protocol` is the IANA
/// number.
[[nodiscard]] constexpr ChecksumSum pseudo_header(Ipv4Addr source,
                                                  Ipv4Addr destination,
                                                  std::uint8_t protocol,
                                                  std::uint32_t length) noexcept {
    const std::uint16_t word = protocol;
    return ChecksumSum{}.add(source).add(destination).add(word).add32(length);
}

[[nodiscard]] constexpr ChecksumSum pseudo_header(const Ipv6Addr& source,
                                                  const Ipv6Addr& destination,
                                                  std::uint8_t protocol,
                                                  std::uint32_t length) noexcept {
    const std::uint16_t word = protocol;
    return ChecksumSum{}.add(source).add(destination).add(word).add32(length);
}

/// What changes from `before` to `after`, as a sum to be applied with update_full() or
/// update_partial().
[[nodiscard]] constexpr std::uint16_t checksum_delta(const ChecksumSum& before,
                                                     const ChecksumSum& after) noexcept {
    return ChecksumSum{after}.subtract(before.folded()).folded();
}

/// RFC 1624 eqn. 3: a full (complemented) checksum after the summed data changed by `delta`.
[[nodiscard]] constexpr std::uint16_t update_full(std::uint16_t checksum,
                                                  std::uint16_t delta) noexcept {
    return ChecksumSum{}.add(static_cast<std::uint16_t>(~checksum)).add(delta).checksum();
}

/// The same for a partial checksum, which is a folded sum that is not complemented.
[[nodiscard]] constexpr std::uint16_t update_partial(std::uint16_t sum,
                                                     std::uint16_t delta) noexcept {
    return ChecksumSum{}.add(sum).add(delta).folded();
}

/// The folded sum over an IPv4 header without options, in memory order: 0xffff if its checksum
/// is right (RFC 791 §3.1).
[[nodiscard]] inline std::uint16_t
ipv4_header_sum(std::span<const std::byte, 20> header) noexcept {
    std::array<std::uint64_t, 2> words{};
    std::uint32_t last = 0;
    std::memcpy(words.data(), header.data(), sizeof words);
    std::memcpy(&last, header.data() + sizeof words, sizeof last);
    return fold(add_carry(add_carry(words[0], words[1]), last));
}

/// The checksum of an IPv4 header without options whose checksum field is zero, host order.
[[nodiscard]] inline std::uint16_t
ipv4_header_checksum(std::span<const std::byte, 20> header) noexcept {
    return to_big_endian(static_cast<std::uint16_t>(~ipv4_header_sum(header)));
}

} // namespace nat64
