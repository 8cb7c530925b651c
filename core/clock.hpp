// SPDX-License-Identifier: Apache-2.0
// Time is an argument: nothing in core reads a clock. Clock is a chrono clock without now():
// the packet loop supplies the machine's boot-time clock, replay the capture's own time, tests
// whatever they like.
#pragma once

#include <chrono>
#include <cstdint>

namespace nat64 {

struct Clock {
    using duration = std::chrono::nanoseconds;
    using rep = duration::rep;
    using period = duration::period;
    using time_point = std::chrono::time_point<Clock>;
    static constexpr bool is_steady = true;
};

/// Coarse time as the tables store it: whole ticks since the clock's epoch. 32 bits last 13
/// years.
class Tick {
public:
    /// The resolution of every timer: nothing fires early, nothing more than one tick late.
    static constexpr Clock::duration kLength = std::chrono::milliseconds{100};

    constexpr Tick() noexcept = default;

    constexpr explicit Tick(std::uint32_t count) noexcept : count_{count} {}

    /// The tick that `t` lies in.
    [[nodiscard]] static constexpr Tick floor(Clock::time_point t) noexcept {
        return Tick{static_cast<std::uint32_t>(t.time_since_epoch() / kLength)};
    }

    /// The number of ticks that last at least `d`.
    [[nodiscard]] static constexpr std::uint32_t ceil_count(Clock::duration d) noexcept {
        return static_cast<std::uint32_t>((d + kLength - Clock::duration{1}) / kLength);
    }

    [[nodiscard]] constexpr std::uint32_t count() const noexcept { return count_; }

    [[nodiscard]] constexpr Clock::time_point start() const noexcept {
        return Clock::time_point{kLength * std::int64_t{count_}};
    }

    friend constexpr auto operator<=>(const Tick&, const Tick&) noexcept = default;

private:
    std::uint32_t count_ = 0;
};

} // namespace nat64
