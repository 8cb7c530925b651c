// SPDX-License-Identifier: Apache-2.0
#include "cli/table.hpp"

#include <sstream>

#include <doctest/doctest.h>

namespace nat64::cli {

TEST_CASE("table: numbers stand right, text left, no space at the end of a line") {
    std::ostringstream out;
    Table table{{{"NAME"}, {"N", Align::Right}, {"NOTE"}}, out};
    table.row({"a", "1000", "x"});
    table.row({"longer name", "7", ""});
    table.finish();
    CHECK(out.str() == "NAME            N  NOTE\n"
                       "a            1000  x\n"
                       "longer name     7\n");
}

TEST_CASE("table: without rows there is nothing, no heading either") {
    std::ostringstream out;
    Table table{{{"NAME"}}, out};
    table.finish();
    CHECK(out.str().empty());
}

TEST_CASE("table: rows are written as they come once the widths are known") {
    std::ostringstream out;
    Table table{{{"A"}, {"B"}}, out};
    for (std::size_t i = 0; i + 1 < Table::kSample; ++i)
        table.row({"xx", "y"});
    CHECK(out.str().empty());
    table.row({"xx", "y"});
    CHECK(out.str().starts_with("A   B\nxx  y\n"));
    const std::size_t before = out.str().size();
    table.row({"wider", "y"});
    CHECK(out.str().substr(before) == "wider  y\n");
    table.finish();
    CHECK(out.str().substr(before) == "wider  y\n");
}

TEST_CASE("table: a row with too few cells is filled up") {
    std::ostringstream out;
    Table table{{{"A"}, {"B", Align::Right}}, out};
    table.row({"x"});
    table.finish();
    CHECK(out.str() == "A  B\nx\n");
}

} // namespace nat64::cli
