// SPDX-License-Identifier: Apache-2.0
// A line of the screen as pieces of text, each with the ink it is written in. What an ink
// looks like is the terminal's business (top_screen), which may have no colours. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace nat64::cli {

enum class Ink : std::uint8_t { Plain, Bold, Dim, Title, Outbound, Inbound, Good, Warn, Bad };

inline constexpr std::size_t kInkCount = 9;

struct Piece {
    std::string text;
    Ink ink = Ink::Plain;
};

using Line = std::vector<Piece>;

/// The line as one would read it, without ink.
[[nodiscard]] std::string plain(const Line& line);

/// Puts a line together from left to right.
class LineMaker {
public:
    LineMaker& put(std::string_view text, Ink ink = Ink::Plain);

    /// A column: `text` at its left or right edge. What is too long is cut, with a space left
    /// to the next column.
    LineMaker& left(std::string_view text, std::size_t width, Ink ink = Ink::Plain);
    LineMaker& right(std::string_view text, std::size_t width, Ink ink = Ink::Plain);

    /// Spaces up to this cell.
    LineMaker& until(std::size_t cell);

    [[nodiscard]] std::size_t width() const { return width_; }

    /// The line, cut at `width` cells.
    [[nodiscard]] Line done(std::size_t width) const;

private:
    Line line_;
    std::size_t width_ = 0;
};

} // namespace nat64::cli
