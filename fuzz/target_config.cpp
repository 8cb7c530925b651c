// SPDX-License-Identifier: Apache-2.0
// A text is a configuration or is refused with a reason; what is one prints and reads back.
#include "config/load.hpp"
#include "config/print.hpp"
#include "fuzz/targets.hpp"
#include "tests/oracle/expect.hpp"

#include <string>

void nat64::fuzz::config(View input) {
    std::string text;
    for (const auto byte : input)
        text += static_cast<char>(byte);
    try {
        const auto config = nat64::config::parse(text, "fuzz.yaml");
        const auto printed = nat64::config::print(config);
        oracle::expect(nat64::config::parse(printed, config.file) == config,
                       "what is printed reads back");
    } catch (const nat64::config::ConfigError& error) {
        oracle::expect(!error.problems().empty(), "a refusal has a reason");
        for (const auto& problem : error.problems())
            oracle::expect(!problem.what.empty(), "a reason says something");
    }
}
