// SPDX-License-Identifier: Apache-2.0
// Durations: what is read, what is not, and that what is written reads back.
#include "config/duration.hpp"
#include "tests/support/rng.hpp"

#include <array>
#include <chrono>
#include <utility>

#include <doctest/doctest.h>

using namespace nat64;
using namespace std::chrono_literals;
using config::parse_duration;

TEST_CASE("duration: units combine from large to small") {
    const std::array<std::pair<std::string_view, Clock::duration>, 9> cases{{
        {"5m", 5min},
        {"2h4m", 124min},
        {"90s", 90s},
        {"1500ms", 1500ms},
        {"1d2h3m4s5ms", 26h + 3min + 4s + 5ms},
        {"0s", 0s},
        {"1m0s", 1min},
        {"365d", 365 * 24h},
        {"7440s", 124min},
    }};
    for (const auto& [text, expected] : cases) {
        CAPTURE(text);
        CHECK(parse_duration(text) == expected);
    }
}

TEST_CASE("duration: anything else is refused") {
    for (const auto* const text : {"",
                                   "5",
                                   "m",
                                   "5x",
                                   "5 m",
                                   "5M",
                                   "-5m",
                                   "+5m",
                                   "1.5h",
                                   "4m2h",
                                   "1m1m",
                                   "5min",
                                   "0x5m",
                                   "366d",
                                   "99999999999999999999s",
                                   "9999999999s",
                                   "999999999d",
                                   "999999999d999999999h",
                                   "5m "}) {
        CAPTURE(text);
        CHECK_FALSE(parse_duration(text));
    }
}

TEST_CASE("duration: the written form is short and reads back") {
    CHECK(config::to_string(124min) == "2h4m");
    CHECK(config::to_string(60s) == "1m");
    CHECK(config::to_string(0s) == "0s");
    CHECK(config::to_string(1500ms) == "1s500ms");
    test::Random random{20};
    for (int i = 0; i < 1000; ++i) {
        const Clock::duration value =
            std::chrono::milliseconds{random.between(0, 365 * 86400)} *
            static_cast<int>(random.between(1, 1000));
        CAPTURE(config::to_string(value));
        CHECK(parse_duration(config::to_string(value)) == value);
    }
}
