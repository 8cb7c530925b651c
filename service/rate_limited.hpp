// SPDX-License-Identifier: Apache-2.0
// For log messages that packets or strangers can cause: at most one per interval, together with
// how many were swallowed since the last one. One object a message, owned by whoever logs it,
// and used by that thread only. Whether to log costs one comparison; the text is formatted only
// when it is logged.
#pragma once

#include "core/clock.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <utility>

#include <spdlog/spdlog.h>

namespace nat64::service {

class RateLimited {
public:
    explicit RateLimited(Clock::duration interval = std::chrono::seconds{10}) noexcept
        : interval_{interval} {}

    /// May the message be logged at `now`? If so, how many were not since the last one.
    [[nodiscard]] std::optional<std::uint64_t> admit(Clock::time_point now) noexcept {
        if (now < next_) {
            ++suppressed_;
            return std::nullopt;
        }
        next_ = now + interval_;
        return std::exchange(suppressed_, 0);
    }

    /// Logs, or counts. spdlog reports its own failures and lets none out.
    template <typename... Args>
    void log(Clock::time_point now,
             spdlog::level::level_enum level,
             fmt::format_string<Args...> format,
             Args&&... args) {
        const auto suppressed = admit(now);
        if (!suppressed || !spdlog::should_log(level)) return;
        const std::string text = fmt::format(format, std::forward<Args>(args)...);
        if (*suppressed == 0)
            spdlog::log(level, "{}", text);
        else
            spdlog::log(level, "{} ({} more like this were not logged)", text, *suppressed);
    }

private:
    Clock::duration interval_;
    Clock::time_point next_ = Clock::time_point::min();
    std::uint64_t suppressed_ = 0;
};

} // namespace nat64::service
