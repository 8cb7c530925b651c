// SPDX-License-Identifier: Apache-2.0
// The text of a problem, in the form that compilers use, so that editors find the place.
#include "config/config_error.hpp"

#include <utility>

#include <fmt/format.h>

namespace nat64::config {

namespace {

std::string lines(const std::vector<Problem>& problems) {
    std::string text;
    for (const auto& problem : problems) {
        if (!text.empty()) text += '\n';
        text += problem.to_string();
    }
    return text;
}

} // namespace

std::string Problem::to_string() const {
    std::string text;
    if (!file.empty()) text += file.string();
    if (mark.line > 0) text += fmt::format(":{}:{}", mark.line, mark.column);
    if (!text.empty()) text += ": ";
    if (!key.empty()) text += key + ": ";
    text += what;
    if (!remedy.empty()) text += "; " + remedy;
    return text;
}

ConfigError::ConfigError(std::vector<Problem> problems)
    : std::runtime_error{lines(problems)}, problems_{std::move(problems)} {}

} // namespace nat64::config
