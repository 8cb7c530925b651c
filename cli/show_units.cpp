// SPDX-License-Identifier: Apache-2.0
// Durations, bytes, and the plural.
#include "cli/show_units.hpp"

#include <array>
#include <cstddef>

#include <fmt/format.h>

namespace nat64::cli {

std::string human_duration(double seconds) {
    const auto total = static_cast<std::uint64_t>(seconds > 0 ? seconds : 0);
    const std::uint64_t minutes = total / 60;
    const std::uint64_t hours = minutes / 60;
    if (minutes == 0) return fmt::format("{}s", total);
    if (hours == 0) return fmt::format("{}m{:02}s", minutes, total % 60);
    if (hours < 24) return fmt::format("{}h{:02}m", hours, minutes % 60);
    return fmt::format("{}d{:02}h", hours / 24, hours % 24);
}

std::string human_bytes(std::uint64_t bytes) {
    constexpr std::array kUnits = {"kB", "MB", "GB", "TB", "PB", "EB"};
    if (bytes < 1000) return fmt::format("{} B", bytes);
    double value = static_cast<double>(bytes) / 1000;
    std::size_t unit = 0;
    // 999.95 would be printed as 1000.0
    while (value >= 999.95 && unit + 1 < kUnits.size()) {
        value /= 1000;
        ++unit;
    }
    return fmt::format("{:.1f} {}", value, kUnits[unit]);
}

std::string human_count(std::uint64_t count, const std::string& noun) {
    return fmt::format("{} {}{}", count, noun, count == 1 ? "" : "s");
}

std::string human_rate(double rate) {
    constexpr std::array kUnits = {" k", " M", " G", " T"};
    if (rate <= 0) return "0";
    if (rate < 9.95) return fmt::format("{:.1f}", rate);
    if (rate < 999.5) return fmt::format("{:.0f}", rate);
    double value = rate / 1000;
    std::size_t unit = 0;
    while (value >= 999.95 && unit + 1 < kUnits.size()) {
        value /= 1000;
        ++unit;
    }
    return fmt::format("{:.1f}{}", value, kUnits[unit]);
}

std::string grouped(double count) {
    std::string digits = fmt::format("{:.0f}", count);
    for (auto end = digits.size(); end > 3; end -= 3)
        digits.insert(end - 3, ",");
    return digits;
}

} // namespace nat64::cli
