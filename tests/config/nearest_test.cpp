// SPDX-License-Identifier: Apache-2.0
// Suggestions: near words are found, far ones are not offered.
#include "config/nearest.hpp"

#include <array>
#include <string>

#include <doctest/doctest.h>

using nat64::config::nearest_word;

TEST_CASE("nearest word: typing errors find their word, other words find none") {
    constexpr std::array<std::string_view, 4> kWords{"pool", "prefix", "static", "filtering"};
    CHECK(nearest_word(kWords, "prefx") == "prefix");
    CHECK(nearest_word(kWords, "pools") == "pool");
    CHECK(nearest_word(kWords, "statics") == "static");
    CHECK(nearest_word(kWords, "fltrering") == "filtering");
    CHECK(nearest_word(kWords, "banana").empty());
    CHECK(nearest_word(kWords, "").empty());
    CHECK(nearest_word(kWords, std::string(4000, 'p')).empty());
}
