// SPDX-License-Identifier: Apache-2.0
#include "cli/top_graph.hpp"
#include "cli/top_line.hpp"

#include <string>
#include <vector>

#include <doctest/doctest.h>

namespace nat64::cli {

using Lines = std::vector<std::string>;

TEST_CASE("top graph: braille, two values a cell, the newest at the right") {
    CHECK(graph({}, 1, 3, 1, Glyphs::Unicode) == Lines{"⠀⠀⠀"});
    CHECK(graph({1, 2, 3, 4}, 4, 2, 1, Glyphs::Unicode) == Lines{"⣠⣾"});
    CHECK(graph({4}, 4, 2, 1, Glyphs::Unicode) == Lines{"⠀⢸"});
    CHECK(graph({9, 9, 9, 0, 4}, 4, 1, 1, Glyphs::Unicode) == Lines{"⢸"});
}

TEST_CASE("top graph: higher ones go on from line to line") {
    CHECK(graph({4, 8}, 8, 1, 2, Glyphs::Unicode) == Lines{"⢸", "⣿"});
    CHECK(graph({1, 2, 3, 4}, 4, 4, 2, Glyphs::Ascii) == Lines{"  .|", ".|||"});
}

TEST_CASE("top graph: a little is seen, too much is cut, nothing is empty") {
    CHECK(graph({0.001}, 1000, 1, 1, Glyphs::Ascii) == Lines{"."});
    CHECK(graph({5000}, 1000, 1, 1, Glyphs::Ascii) == Lines{"|"});
    CHECK(graph({0, -1}, 1000, 2, 1, Glyphs::Ascii) == Lines{"  "});
    CHECK(graph({1}, 0, 1, 1, Glyphs::Ascii) == Lines{" "});
    CHECK(graph({1}, 1, 0, 1, Glyphs::Ascii) == Lines{""});
}

TEST_CASE("top bar: a little is seen, and only all of it is full") {
    const auto text = [](double share, Glyphs glyphs) {
        const Bar picture = bar(share, 10, glyphs);
        return picture.filled + picture.rest;
    };
    CHECK(text(0, Glyphs::Ascii) == "..........");
    CHECK(text(0.0001, Glyphs::Ascii) == "#.........");
    CHECK(text(0.5, Glyphs::Unicode) == "█████░░░░░");
    CHECK(text(0.999, Glyphs::Ascii) == "#########.");
    CHECK(text(1, Glyphs::Ascii) == "##########");
    CHECK(text(7, Glyphs::Ascii) == "##########");
    CHECK(bar(0.5, 0, Glyphs::Ascii).filled.empty());
}

TEST_CASE("top lines: columns count characters, not bytes") {
    CHECK(cells("→ab") == 3);
    CHECK(clip("→ab", 2) == "→a");
    CHECK(clip("ab", 5) == "ab");
    LineMaker line;
    line.left("→", 3).right("12", 5).put("  long text", Ink::Dim);
    CHECK(line.width() == 19);
    CHECK(plain(line.done(80)) == "→     12  long text");
    CHECK(plain(line.done(14)) == "→     12  long");
    CHECK(plain(LineMaker{}.left("too long", 5).put("|").done(80)) == "too  |");
}

} // namespace nat64::cli
