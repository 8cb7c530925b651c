// SPDX-License-Identifier: Apache-2.0
#include "service/rate_limited.hpp"

#include <memory>
#include <sstream>

#include <doctest/doctest.h>
#include <spdlog/sinks/ostream_sink.h>

namespace nat64::service {

using namespace std::chrono_literals;

TEST_CASE("rate-limited log: one message an interval, with the number of those in between") {
    RateLimited limited{10s};
    const Clock::time_point start{1h};
    CHECK(limited.admit(start) == 0);
    CHECK_FALSE(limited.admit(start));
    CHECK_FALSE(limited.admit(start + 9s));
    CHECK(limited.admit(start + 10s) == 2);
    CHECK_FALSE(limited.admit(start + 11s));
    CHECK(limited.admit(start + 25s) == 1);
    CHECK(limited.admit(start + 35s) == 0);
}

TEST_CASE("rate-limited log: the text says how many were swallowed") {
    std::ostringstream out;
    const auto before = spdlog::default_logger();
    auto logger = std::make_shared<spdlog::logger>(
        "test", std::make_shared<spdlog::sinks::ostream_sink_mt>(out));
    logger->set_pattern("%v");
    spdlog::set_default_logger(logger);
    RateLimited limited{10s};
    for (int second = 0; second < 12; ++second)
        limited.log(Clock::time_point{std::chrono::seconds{second}},
                    spdlog::level::warn,
                    "pool {}",
                    second);
    spdlog::set_default_logger(before);
    CHECK(out.str() == "pool 0\npool 10 (9 more like this were not logged)\n");
}

} // namespace nat64::service
