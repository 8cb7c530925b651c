// SPDX-License-Identifier: Apache-2.0
#include "cli/show_units.hpp"

#include <doctest/doctest.h>

namespace nat64::cli {

TEST_CASE("units: a duration has two units at most and is cut down") {
    struct Case {
        double seconds;
        const char* text;
    };

    const Case cases[] = {{-1, "0s"},
                          {0, "0s"},
                          {0.9, "0s"},
                          {59.99, "59s"},
                          {60, "1m00s"},
                          {252, "4m12s"},
                          {3599, "59m59s"},
                          {7440, "2h04m"},
                          {86'399, "23h59m"},
                          {86'400, "1d00h"},
                          {31'536'000, "365d00h"}};
    for (const Case& c : cases)
        CHECK(human_duration(c.seconds) == c.text);
}

TEST_CASE("units: bytes never show four digits before the point") {
    struct Case {
        std::uint64_t bytes;
        const char* text;
    };

    const Case cases[] = {{0, "0 B"},
                          {999, "999 B"},
                          {1000, "1.0 kB"},
                          {1234, "1.2 kB"},
                          {999'949, "999.9 kB"},
                          {999'950, "1.0 MB"},
                          {1'000'000, "1.0 MB"},
                          {123'456'789'012, "123.5 GB"},
                          {18'446'744'073'709'551'615U, "18.4 EB"}};
    for (const Case& c : cases)
        CHECK(human_bytes(c.bytes) == c.text);
}

TEST_CASE("units: rates are read at a glance") {
    CHECK(human_rate(0) == "0");
    CHECK(human_rate(0.04) == "0.0");
    CHECK(human_rate(0.4) == "0.4");
    CHECK(human_rate(9.96) == "10");
    CHECK(human_rate(999.4) == "999");
    CHECK(human_rate(999.6) == "1.0 k");
    CHECK(human_rate(12'345) == "12.3 k");
    CHECK(human_rate(999'960) == "1.0 M");
    CHECK(human_rate(3.4e9) == "3.4 G");
    CHECK(human_rate(5e15) == "5000.0 T");
}

TEST_CASE("units: digits in groups") {
    CHECK(grouped(0) == "0");
    CHECK(grouped(999) == "999");
    CHECK(grouped(1000) == "1,000");
    CHECK(grouped(12'345'678) == "12,345,678");
}

} // namespace nat64::cli
