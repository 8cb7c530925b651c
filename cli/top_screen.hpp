// SPDX-License-Identifier: Apache-2.0
// The terminal, by ncurses: takes it when made, gives it back as it was when destroyed. Shows
// lines, reads keys, and knows what the terminal can show. Colours are used if there are any
// and NO_COLOR is not set. One at a time; single-threaded.
#pragma once

#include "cli/top_graph.hpp"
#include "cli/top_line.hpp"

#include <cstddef>
#include <memory>
#include <optional>
#include <span>

struct screen;

namespace nat64::cli {

class Screen {
public:
    /// Throws UsageError if standard input or output is no terminal, or one of which too
    /// little is known.
    explicit Screen(std::optional<Glyphs> glyphs);
    Screen(const Screen&) = delete;
    Screen& operator=(const Screen&) = delete;
    ~Screen();

    struct Size {
        std::size_t width;
        std::size_t height;
    };

    [[nodiscard]] Size size() const;

    [[nodiscard]] Glyphs glyphs() const { return glyphs_; }

    /// The terminal has another size now.
    void resized();

    /// Replaces what is shown.
    void draw(std::span<const Line> lines);

    /// The next key that was pressed, if one was: a character, or 0 for any other key.
    [[nodiscard]] std::optional<char> next_key();

private:
    void choose_colours();

    struct Delete {
        void operator()(screen* terminal) const noexcept;
    };

    std::unique_ptr<screen, Delete> terminal_;
    Glyphs glyphs_ = Glyphs::Ascii;
    bool colours_ = false;
};

} // namespace nat64::cli
