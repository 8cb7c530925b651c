// SPDX-License-Identifier: Apache-2.0
// How many new sessions may still begin, at a rate of so many a second: a bucket that holds
// what one second brings. A bucket of zeros is full when it is first looked at. The rate is
// passed in, because it may change; 0 is not a rate but none. Single-threaded.
#pragma once

#include "core/clock.hpp"

#include <algorithm>
#include <cstdint>

namespace nat64::pool {

struct TokenBucket {
    std::uint32_t tokens = 0; ///< tenths of a session
    Tick filled;              ///< when it was last topped up

    // A tick of 100 ms brings as many tenths as the rate says.
    static constexpr std::uint32_t kTokensPerSession = 10;

    [[nodiscard]] static constexpr TokenBucket full(std::uint32_t rate, Tick now) noexcept {
        return {capacity(rate), now};
    }

    /// Is there a token now?
    [[nodiscard]] constexpr bool has_one(std::uint32_t rate, Tick now) noexcept {
        const std::uint64_t ticks = now.count() - filled.count();
        tokens = static_cast<std::uint32_t>(
            std::min<std::uint64_t>(tokens + ticks * rate, capacity(rate)));
        filled = now;
        return tokens >= kTokensPerSession;
    }

    /// When has_one() has just said so.
    constexpr void take() noexcept { tokens -= kTokensPerSession; }

private:
    [[nodiscard]] static constexpr std::uint32_t capacity(std::uint32_t rate) noexcept {
        return std::min(rate, 100'000'000U) * kTokensPerSession;
    }
};

} // namespace nat64::pool
