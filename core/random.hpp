// SPDX-License-Identifier: Apache-2.0
// Randomness as an argument. SipHash-2-4 in counter mode under a secret 128-bit key:
// unpredictable to an outsider (RFC 6056 §3.3), reproducible in tests and replay. Seeding from
// the kernel is the caller's job.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace nat64 {

/// A 128-bit secret.
using Secret = std::array<std::uint64_t, 2>;

/// SipHash-2-4 of `data` under `key` (Aumasson and Bernstein, 2012).
[[nodiscard]] std::uint64_t siphash24(const Secret& key,
                                      std::span<const std::byte> data) noexcept;

class Rng {
public:
    explicit Rng(const Secret& key) noexcept : key_{key} {}

    /// 64 unpredictable bits.
    std::uint64_t next() noexcept;

    /// An unpredictable number below `bound` (1 .. 2^32), without division.
    std::uint32_t below(std::uint64_t bound) noexcept {
        return static_cast<std::uint32_t>(((next() >> 32) * bound) >> 32);
    }

    /// A secret for somebody else's keyed hash.
    Secret secret() noexcept { return {next(), next()}; }

private:
    Secret key_;
    std::uint64_t counter_ = 0;
};

} // namespace nat64
