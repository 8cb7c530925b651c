// SPDX-License-Identifier: Apache-2.0
// Randomness for tests, from a seed that the failure message can name. seeded_rng() is for code
// under test that takes an Rng; Random makes test data, with a generator that is not the
// program's.
#pragma once

#include "core/net/address.hpp"
#include "core/random.hpp"
#include "tests/support/bytes.hpp"

#include <cstddef>
#include <cstdint>
#include <random>

namespace nat64::test {

[[nodiscard]] inline Rng seeded_rng(std::uint64_t seed) {
    return Rng{Secret{seed, 0x6e61'7436'3474'6573}};
}

class Random {
public:
    explicit Random(std::uint64_t seed) : engine_{seed} {}

    [[nodiscard]] std::uint64_t bits() { return engine_(); }

    /// Both ends included.
    [[nodiscard]] std::size_t between(std::size_t low, std::size_t high) {
        return low + static_cast<std::size_t>(engine_() % (high - low + 1));
    }

    [[nodiscard]] bool one_in(std::size_t n) { return between(1, n) == 1; }

    [[nodiscard]] std::uint16_t word() { return static_cast<std::uint16_t>(engine_() >> 48); }

    [[nodiscard]] Bytes bytes(std::size_t size) {
        Bytes result;
        result.reserve(size);
        while (result.size() < size)
            append8(result, static_cast<unsigned>(engine_() >> 56));
        return result;
    }

    [[nodiscard]] Ipv4Addr ipv4() {
        return Ipv4Addr{static_cast<std::uint32_t>(engine_() >> 32)};
    }

    [[nodiscard]] Ipv6Addr ipv6() {
        const auto high = engine_(); // one after the other, or compilers differ
        const auto low = engine_();
        return Ipv6Addr::from_halves(high, low);
    }

private:
    std::mt19937_64 engine_;
};

} // namespace nat64::test
