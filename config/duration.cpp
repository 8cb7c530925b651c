// SPDX-License-Identifier: Apache-2.0
// Reading and writing durations over one table of units.
#include "config/duration.hpp"

#include <array>
#include <charconv>
#include <chrono>
#include <cstddef>
#include <cstdint>

#include <fmt/format.h>

namespace nat64::config {

namespace {

struct Unit {
    std::string_view name;
    std::chrono::milliseconds length;
};

constexpr std::array<Unit, 5> kUnits{{
    {"d", std::chrono::hours{24}},
    {"h", std::chrono::hours{1}},
    {"m", std::chrono::minutes{1}},
    {"s", std::chrono::seconds{1}},
    {"ms", std::chrono::milliseconds{1}},
}};

constexpr bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

/// Takes "12" or "ms" from the front of `text`.
template <typename Predicate>
std::string_view take_while(std::string_view& text, Predicate predicate) {
    std::size_t length = 0;
    while (length < text.size() && predicate(text[length]))
        ++length;
    const auto taken = text.substr(0, length);
    text.remove_prefix(length);
    return taken;
}

} // namespace

std::optional<Clock::duration> parse_duration(std::string_view text) {
    if (text.empty()) return std::nullopt;
    std::chrono::milliseconds total{0};
    std::size_t next_unit = 0;
    while (!text.empty()) {
        const auto digits = take_while(text, is_digit);
        const auto name = take_while(text, [](char c) { return !is_digit(c); });
        // Nine digits of days fit in 64 bits of milliseconds, five times over.
        if (digits.empty() || digits.size() > 9) return std::nullopt;
        std::uint32_t count = 0;
        std::from_chars(digits.data(), digits.data() + digits.size(), count);
        while (next_unit < kUnits.size() && kUnits[next_unit].name != name)
            ++next_unit;
        if (next_unit == kUnits.size()) return std::nullopt;
        total += count * kUnits[next_unit++].length;
    }
    if (total > std::chrono::duration_cast<std::chrono::milliseconds>(kMaxDuration))
        return std::nullopt;
    return total;
}

std::string to_string(Clock::duration duration) {
    auto rest = std::chrono::duration_cast<std::chrono::milliseconds>(duration);
    std::string text;
    for (const auto& unit : kUnits) {
        if (rest < unit.length) continue;
        text += fmt::format("{}{}", rest / unit.length, unit.name);
        rest %= unit.length;
    }
    return text.empty() ? "0s" : text;
}

} // namespace nat64::config
