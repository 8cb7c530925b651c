// SPDX-License-Identifier: Apache-2.0
// Durations as people write them: 90s, 5m, 2h4m, 1500ms. Used by the configuration and by
// command lines.
#pragma once

#include "core/clock.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace nat64::config {

/// The longest duration that can be written.
inline constexpr Clock::duration kMaxDuration = std::chrono::hours{24 * 365};

/// Whole numbers with the units d, h, m, s and ms, larger units first, each at most once.
/// nullopt for anything else, a number without unit and more than kMaxDuration included.
[[nodiscard]] std::optional<Clock::duration> parse_duration(std::string_view text);

/// The shortest form that parse_duration() reads back, for whole milliseconds: "2h4m", "0s".
[[nodiscard]] std::string to_string(Clock::duration duration);

} // namespace nat64::config
