// SPDX-License-Identifier: Apache-2.0
// docs/counters.md and the list in core/verdict.hpp say the same.
#include "core/verdict.hpp"

#include <fstream>
#include <string>
#include <vector>

#include <doctest/doctest.h>

namespace nat64 {

TEST_CASE("docs/counters.md: one row a drop reason, in the list's order, and no other") {
    std::ifstream file{NAT64_DOCS "/counters.md"};
    REQUIRE(file);
    std::vector<std::string> rows;
    bool inside = false;
    for (std::string line; std::getline(file, line);) {
        if (line.starts_with("## ")) inside = line == "## Drop reasons";
        if (inside && line.starts_with("| `")) rows.push_back(line);
    }
    std::vector<std::string> expected;
    for (const DropReasonInfo& reason : kDropReasons)
        expected.push_back("| `" + std::string{reason.label} + "` | " +
                           std::string{reason.help} + " |");
    REQUIRE(rows.size() == expected.size());
    for (std::size_t i = 0; i < rows.size(); ++i)
        CHECK(rows[i] == expected[i]);
}

} // namespace nat64
