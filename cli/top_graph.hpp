// SPDX-License-Identifier: Apache-2.0
// Small pictures of numbers made of characters: a graph of the last values of a rate, a bar
// for a share. In Unicode with braille and block characters, or in ASCII. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

namespace nat64::cli {

enum class Glyphs : std::uint8_t { Ascii, Unicode };

/// How many terminal cells a text takes: its characters. All that are used here are one wide.
[[nodiscard]] std::size_t cells(std::string_view text) noexcept;

/// The first `width` characters of a text.
[[nodiscard]] std::string_view clip(std::string_view text, std::size_t width) noexcept;

/// `height` lines of `width` cells, the newest value at the right, `top` at the upper edge.
/// Anything above zero is seen.
[[nodiscard]] std::vector<std::string> graph(const std::deque<double>& values,
                                             double top,
                                             std::size_t width,
                                             std::size_t height,
                                             Glyphs glyphs);

/// How many values such a graph shows.
[[nodiscard]] std::size_t graph_values(std::size_t width, Glyphs glyphs) noexcept;

/// The filled part of a bar of `width` cells and the rest of it. Anything above zero is seen,
/// and only a share of one fills it.
struct Bar {
    std::string filled;
    std::string rest;
};

[[nodiscard]] Bar bar(double share, std::size_t width, Glyphs glyphs);

} // namespace nat64::cli
