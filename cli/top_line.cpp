// SPDX-License-Identifier: Apache-2.0
#include "cli/top_line.hpp"

#include "cli/top_graph.hpp"

#include <algorithm>

namespace nat64::cli {

std::string plain(const Line& line) {
    std::string text;
    for (const Piece& piece : line)
        text += piece.text;
    text.erase(text.find_last_not_of(' ') + 1);
    return text;
}

LineMaker& LineMaker::put(std::string_view text, Ink ink) {
    if (text.empty()) return *this;
    line_.push_back({std::string{text}, ink});
    width_ += cells(text);
    return *this;
}

LineMaker& LineMaker::left(std::string_view text, std::size_t width, Ink ink) {
    const std::size_t end = width_ + width;
    put(clip(text, width > 0 ? width - 1 : 0), ink);
    return until(end);
}

LineMaker& LineMaker::right(std::string_view text, std::size_t width, Ink ink) {
    const auto shown = clip(text, width);
    until(width_ + width - std::min(width, cells(shown)));
    return put(shown, ink);
}

LineMaker& LineMaker::until(std::size_t cell) {
    return cell > width_ ? put(std::string(cell - width_, ' ')) : *this;
}

Line LineMaker::done(std::size_t width) const {
    Line line;
    std::size_t left = width;
    for (const Piece& piece : line_) {
        const auto shown = clip(piece.text, left);
        if (shown.empty()) break;
        line.push_back({std::string{shown}, piece.ink});
        left -= cells(shown);
    }
    return line;
}

} // namespace nat64::cli
