// SPDX-License-Identifier: Apache-2.0
// rfc7915::Identification.
#include "core/rfc7915/rfc7915.hpp"
#include "tests/support/rng.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include <doctest/doctest.h>

using namespace nat64;

namespace {

constexpr std::size_t kRound = 65536;

std::vector<std::uint16_t> round_of(rfc7915::Identification& identification) {
    std::vector<std::uint16_t> values(kRound);
    std::ranges::generate(values, [&] { return identification.next(); });
    return values;
}

bool holds_every_value(std::vector<std::uint16_t> values) {
    std::ranges::sort(values);
    return std::ranges::adjacent_find(values) == values.end();
}

} // namespace

TEST_CASE("RFC 7915 §5.1: no identification comes twice in a round of 65536") {
    for (const std::uint64_t seed : {1U, 2U, 3U, 4U}) {
        auto rng = test::seeded_rng(seed);
        rfc7915::Identification identification{rng};
        for (int round = 0; round < 3; ++round)
            CHECK(holds_every_value(round_of(identification)));
    }
}

TEST_CASE("RFC 7739: the next identification does not follow from the last one") {
    auto rng = test::seeded_rng(5);
    rfc7915::Identification identification{rng};
    const auto first = round_of(identification);
    const auto second = round_of(identification);
    std::size_t steps_of_one = 0;
    std::size_t same_place = 0;
    std::size_t same_difference = 0;
    for (std::size_t i = 2; i < kRound; ++i) {
        const auto step = static_cast<std::uint16_t>(first[i] - first[i - 1]);
        const auto before = static_cast<std::uint16_t>(first[i - 1] - first[i - 2]);
        steps_of_one += step == 1 ? 1U : 0U;
        same_difference += step == before ? 1U : 0U;
        same_place += first[i] == second[i] ? 1U : 0U;
    }
    // Chance would give one of each.
    CHECK(steps_of_one < 64);
    CHECK(same_difference < 64);
    CHECK(same_place < 64);
}

TEST_CASE("identifications depend on the seed") {
    auto one = test::seeded_rng(6);
    auto other = test::seeded_rng(7);
    rfc7915::Identification a{one};
    rfc7915::Identification b{other};
    CHECK(round_of(a) != round_of(b));
}
