// SPDX-License-Identifier: Apache-2.0
// What the doctor says of one thing, and how a list of such is printed. Pure.
#pragma once

#include <cstdint>
#include <iosfwd>
#include <string>
#include <string_view>
#include <vector>

namespace nat64::cli {

enum class Health : std::uint8_t {
    Ok,
    Warn,   ///< it works, and somebody should look at this
    Fail,   ///< it does not work
    Unseen, ///< this could not be looked at
};

struct Finding {
    Health health = Health::Ok;
    std::string_view about; ///< what was looked at: "forwarding"
    std::string text;       ///< what was seen
    std::string remedy;     ///< what to do about it; empty if there is nothing to do
};

[[nodiscard]] const char* name_of(Health health) noexcept;

/// 1 if there is a Fail.
[[nodiscard]] int exit_code(const std::vector<Finding>& findings) noexcept;

void print_findings(const std::vector<Finding>& findings, std::ostream& out);

/// One JSON document: docs/operator.md.
void print_findings_json(const std::vector<Finding>& findings, std::ostream& out);

} // namespace nat64::cli
