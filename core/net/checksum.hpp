// SPDX-License-Identifier: Apache-2.0
// The Internet checksum (RFC 1071) and its incremental update (RFC 1624). Sums are kept as
// ones' complement sums of 16-bit words in host order of network-order data; nothing is stored
// byte-swapped. Payload is summed only where it must be; translation works with deltas over
// addresses and ports.
#pragma once

#include "core/net/address.hpp"

#include <cstddef>
#include <cstdint>
#include <span>

namespace nat64 {

/// A ones' complement sum in progress. Additions never overflow in practice (2^48 words).
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

    constexpr ChecksumSum& add(Ipv4Addr a) noexcept {
        sum_ += (a.bits() >> 16) + (a.bits() & 0xffff);
        return *this;
    }

    ChecksumSum& add(const Ipv6Addr& a) noexcept;

    constexpr ChecksumSum& add32(std::uint32_t value) noexcept {
        sum_ += (value >> 16) + (value & 0xffff);
        return *this;
    }

    constexpr ChecksumSum& subtract(std::uint16_t word) noexcept {
        return add(static_cast<std::uint16_t>(~word));
    }

    /// Folded to 16 bits, not complemented: what a partial checksum field holds.
    [[nodiscard]] constexpr std::uint16_t folded() const noexcept {
        auto s = sum_;
        s = (s & 0xffffffff) + (s >> 32);
        s = (s & 0xffff) + ((s >> 16) & 0xffff) + (s >> 32);
        s = (s & 0xffff) + (s >> 16);
        s = (s & 0xffff) + (s >> 16);
        return static_cast<std::uint16_t>(s);
    }

    /// The checksum: the complement of folded().
    [[nodiscard]] constexpr std::uint16_t checksum() const noexcept {
        return static_cast<std::uint16_t>(~folded());
    }

private:
    std::uint64_t sum_ = 0;
};

/// The pseudo-header sums of RFC 9293 §3.1 / RFC 768 and RFC 8200 §8.1. `protocol` is the IANA
/// number.
[[nodiscard]] ChecksumSum pseudo_header(Ipv4Addr source,
                                        Ipv4Addr destination,
                                        std::uint8_t protocol,
                                        std::uint32_t length) noexcept;
[[nodiscard]] ChecksumSum pseudo_header(const Ipv6Addr& source,
                                        const Ipv6Addr& destination,
                                        std::uint8_t protocol,
                                        std::uint32_t length) noexcept;

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

} // namespace nat64
