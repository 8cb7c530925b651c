// SPDX-License-Identifier: Apache-2.0
// docs/counters.md and the lists in core/verdict.hpp and service/metrics.cpp say the same.
#include "core/verdict.hpp"
#include "service/metrics.hpp"

#include <algorithm>
#include <fstream>
#include <string>
#include <vector>

#include <doctest/doctest.h>

namespace nat64 {

namespace {

/// The rows of the tables below a heading.
std::vector<std::string> rows_below(const std::string& heading) {
    std::ifstream file{NAT64_DOCS "/counters.md"};
    REQUIRE(file);
    std::vector<std::string> rows;
    bool inside = false;
    for (std::string line; std::getline(file, line);) {
        if (line.starts_with("## ")) inside = line == heading;
        if (inside && line.starts_with("| `")) rows.push_back(line);
    }
    return rows;
}

/// "direction, protocol" as code, each.
std::string in_code(std::string_view labels) {
    std::string text;
    while (!labels.empty()) {
        const auto end = std::min(labels.find(", "), labels.size());
        text += (text.empty() ? "`" : ", `") + std::string{labels.substr(0, end)} + "`";
        labels.remove_prefix(std::min(end + 2, labels.size()));
    }
    return text.empty() ? " " : " " + text + " ";
}

} // namespace

TEST_CASE("docs/counters.md: one row a metric, in the table's order, and no other") {
    std::vector<std::string> expected;
    for (const service::MetricInfo& metric : service::documented_metrics())
        expected.push_back("| `" + std::string{metric.name} + "` | " +
                           std::string{metric.type} + " |" + in_code(metric.labels) + "| " +
                           std::string{metric.help} + " |");
    const auto rows = rows_below("## Prometheus");
    REQUIRE(rows.size() == expected.size());
    for (std::size_t i = 0; i < rows.size(); ++i)
        CHECK(rows[i] == expected[i]);
}

TEST_CASE("docs/counters.md: one row a drop reason, in the list's order, and no other") {
    const auto rows = rows_below("## Drop reasons");
    std::vector<std::string> expected;
    for (const DropReasonInfo& reason : kDropReasons)
        expected.push_back("| `" + std::string{reason.label} + "` | " +
                           std::string{reason.help} + " |");
    REQUIRE(rows.size() == expected.size());
    for (std::size_t i = 0; i < rows.size(); ++i)
        CHECK(rows[i] == expected[i]);
}

} // namespace nat64
