// SPDX-License-Identifier: Apache-2.0
// The hash of all tables: multilinear hashing of three 64-bit words modulo 2^128, of which the
// upper half is kept (Dietzfelbinger 1996; Lemire and Kaser 2014, "Strongly universal string
// hashing is fast"). For any two different keys, chosen by anybody who does not know the eight
// random words, the two hashes are independent and uniform: nobody can prepare a set of flows
// that collide more often than chance has it, and what chance may do is bounded by the buckets
// (bucket_index.hpp), which never grow a chain. Six multiplications, no loop.
#pragma once

#include "core/random.hpp"

#include <cstdint>

namespace nat64::tables {

class KeyedHash {
public:
    explicit KeyedHash(Rng& rng) noexcept
        : offset_{wide(rng)}, a_{wide(rng)}, b_{wide(rng)}, c_{wide(rng)} {}

    [[nodiscard]] std::uint64_t
    operator()(std::uint64_t a, std::uint64_t b, std::uint64_t c) const noexcept {
        return static_cast<std::uint64_t>((offset_ + a_ * a + b_ * b + c_ * c) >> 64);
    }

private:
    __extension__ using Wide = unsigned __int128;

    static Wide wide(Rng& rng) noexcept {
        const Wide high = rng.next();
        return high << 64 | rng.next();
    }

    Wide offset_;
    Wide a_;
    Wide b_;
    Wide c_;
};

} // namespace nat64::tables
