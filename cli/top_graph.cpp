// SPDX-License-Identifier: Apache-2.0
// A braille character is two columns of four dots, so it shows two values in four steps; one
// of ASCII shows one value in two.
#include "cli/top_graph.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

namespace nat64::cli {

namespace {

constexpr std::size_t kBrailleColumns = 2;
constexpr std::size_t kBrailleSteps = 4;
constexpr std::size_t kAsciiSteps = 2;

/// Dots of a braille column that is filled from below, as bits of its code point.
constexpr std::array<unsigned, kBrailleSteps + 1> kLeftDots = {0, 0x40, 0x44, 0x46, 0x47};
constexpr std::array<unsigned, kBrailleSteps + 1> kRightDots = {0, 0x80, 0xa0, 0xb0, 0xb8};

/// U+2800 and on, in UTF-8.
std::string braille(unsigned dots) {
    return {
        '\xe2', static_cast<char>(0xa0 | dots >> 6), static_cast<char>(0x80 | (dots & 0x3f))};
}

/// How many of `steps` steps a value fills.
std::size_t height_of(double value, double top, std::size_t steps) {
    if (value <= 0 || top <= 0) return 0;
    const auto filled = std::ceil(std::min(value / top, 1.0) * static_cast<double>(steps));
    return static_cast<std::size_t>(filled);
}

/// The part of a column that is in the row `above` rows above the lowest.
std::size_t in_row(std::size_t filled, std::size_t above, std::size_t steps) {
    const std::size_t below = above * steps;
    return filled <= below ? 0 : std::min(filled - below, steps);
}

std::string repeated(std::string_view text, std::size_t times) {
    std::string all;
    for (std::size_t i = 0; i < times; ++i)
        all += text;
    return all;
}

} // namespace

std::size_t cells(std::string_view text) noexcept {
    return static_cast<std::size_t>(std::ranges::count_if(
        text, [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
}

std::string_view clip(std::string_view text, std::size_t width) noexcept {
    std::size_t seen = 0;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if ((static_cast<unsigned char>(text[i]) & 0xc0) == 0x80) continue;
        if (seen++ == width) return text.substr(0, i);
    }
    return text;
}

std::size_t graph_values(std::size_t width, Glyphs glyphs) noexcept {
    return glyphs == Glyphs::Unicode ? kBrailleColumns * width : width;
}

std::vector<std::string> graph(const std::deque<double>& values,
                               double top,
                               std::size_t width,
                               std::size_t height,
                               Glyphs glyphs) {
    const bool unicode = glyphs == Glyphs::Unicode;
    const std::size_t steps = unicode ? kBrailleSteps : kAsciiSteps;
    const std::size_t columns = graph_values(width, glyphs);
    std::vector<std::size_t> filled(columns, 0);
    const std::size_t shown = std::min(columns, values.size());
    for (std::size_t i = 0; i < shown; ++i)
        filled[columns - 1 - i] = height_of(values[values.size() - 1 - i], top, height * steps);
    std::vector<std::string> lines;
    for (std::size_t row = 0; row < height; ++row) {
        const std::size_t above = height - 1 - row;
        std::string line;
        for (std::size_t i = 0; i < columns; i += unicode ? kBrailleColumns : 1) {
            const std::size_t first = in_row(filled[i], above, steps);
            line += unicode ? braille(kLeftDots[first] |
                                      kRightDots[in_row(filled[i + 1], above, steps)])
                            : std::string(1, " .|"[first]);
        }
        lines.push_back(std::move(line));
    }
    return lines;
}

Bar bar(double share, std::size_t width, Glyphs glyphs) {
    const double wanted = std::clamp(share, 0.0, 1.0) * static_cast<double>(width);
    auto filled = static_cast<std::size_t>(wanted);
    if (filled == 0 && share > 0 && width > 0) filled = 1;
    const bool unicode = glyphs == Glyphs::Unicode;
    return {repeated(unicode ? "█" : "#", filled),
            repeated(unicode ? "░" : ".", width - filled)};
}

} // namespace nat64::cli
