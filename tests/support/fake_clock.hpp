// SPDX-License-Identifier: Apache-2.0
// Time that moves when a test says so. It starts an hour after the epoch, so that "never" and
// "now" do not look the same.
#pragma once

#include "core/clock.hpp"

#include <chrono>

namespace nat64::test {

class FakeClock {
public:
    [[nodiscard]] Clock::time_point now() const noexcept { return now_; }

    Clock::time_point advance(Clock::duration by) noexcept { return now_ += by; }

private:
    Clock::time_point now_{std::chrono::hours{1}};
};

} // namespace nat64::test
