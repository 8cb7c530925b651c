// SPDX-License-Identifier: Apache-2.0
#include "cli/doctor_finding.hpp"

#include <algorithm>
#include <cstddef>
#include <ostream>
#include <utility>

#include <boost/json.hpp>
#include <fmt/format.h>
#include <fmt/ostream.h>

namespace nat64::cli {

namespace json = boost::json;

namespace {

std::size_t count(const std::vector<Finding>& findings, Health health) {
    return static_cast<std::size_t>(std::ranges::count(findings, health, &Finding::health));
}

constexpr std::size_t kAboutWidth = 16;

} // namespace

const char* name_of(Health health) noexcept {
    switch (health) {
    case Health::Ok:
        return "ok";
    case Health::Warn:
        return "warn";
    case Health::Fail:
        return "FAIL";
    case Health::Unseen:
        return "?";
    }
    return "";
}

int exit_code(const std::vector<Finding>& findings) noexcept {
    return std::ranges::find(findings, Health::Fail, &Finding::health) == findings.end() ? 0
                                                                                         : 1;
}

void print_findings(const std::vector<Finding>& findings, std::ostream& out) {
    for (const Finding& finding : findings) {
        fmt::print(out,
                   "{:<4}  {:<{}}{}\n",
                   name_of(finding.health),
                   finding.about,
                   kAboutWidth,
                   finding.text);
        if (!finding.remedy.empty())
            fmt::print(out, "{:<{}}-> {}\n", "", 6 + kAboutWidth, finding.remedy);
    }
    fmt::print(out,
               "\n{} ok, {} to look at, {} wrong, {} not seen\n",
               count(findings, Health::Ok),
               count(findings, Health::Warn),
               count(findings, Health::Fail),
               count(findings, Health::Unseen));
}

void print_findings_json(const std::vector<Finding>& findings, std::ostream& out) {
    const auto word = [](Health health) {
        return health == Health::Fail     ? "fail"
               : health == Health::Unseen ? "unseen"
                                          : name_of(health);
    };
    json::array rows;
    for (const Finding& finding : findings) {
        json::object row{
            {"health", word(finding.health)},
            {"about", json::string_view{finding.about.data(), finding.about.size()}},
            {"finding", finding.text}};
        if (!finding.remedy.empty()) row["remedy"] = finding.remedy;
        rows.push_back(std::move(row));
    }
    json::object counts;
    for (const Health health : {Health::Ok, Health::Warn, Health::Fail, Health::Unseen})
        counts[word(health)] = count(findings, health);
    out << json::serialize(json::object{{"findings", std::move(rows)}, {"count", counts}})
        << '\n';
}

} // namespace nat64::cli
