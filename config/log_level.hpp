// SPDX-License-Identifier: Apache-2.0
// The names of log levels, in the configuration and on the command line.
#pragma once

#include "config/config.hpp"

#include <array>
#include <optional>
#include <string_view>
#include <utility>

namespace nat64::config {

inline constexpr std::array<std::pair<std::string_view, LogLevel>, 5> kLogLevels{{
    {"trace", LogLevel::Trace},
    {"debug", LogLevel::Debug},
    {"info", LogLevel::Info},
    {"warning", LogLevel::Warning},
    {"error", LogLevel::Error},
}};

[[nodiscard]] constexpr std::string_view name_of(LogLevel level) noexcept {
    for (const auto& [name, value] : kLogLevels)
        if (value == level) return name;
    return "?";
}

[[nodiscard]] constexpr std::optional<LogLevel>
log_level_named(std::string_view wanted) noexcept {
    for (const auto& [name, value] : kLogLevels)
        if (name == wanted) return value;
    return std::nullopt;
}

} // namespace nat64::config
