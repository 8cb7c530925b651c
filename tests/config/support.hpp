// SPDX-License-Identifier: Apache-2.0
// What the configuration tests share: loading from a text, and cases of "this text is refused,
// here, with these words".
#pragma once

#include "config/load.hpp"

#include <span>
#include <string>
#include <string_view>

#include <doctest/doctest.h>

namespace nat64::test {

/// The least that loads.
inline constexpr std::string_view kMinimal = "pool: [192.0.2.0/28]\nprefix: 2001:db8:64::/96\n";

inline config::Config load_text(std::string_view text) {
    return config::parse(text, "nat64.yaml");
}

/// kMinimal and `more`.
inline config::Config load_with(std::string_view more) {
    return load_text(std::string{kMinimal} + std::string{more});
}

struct Refused {
    std::string_view text;
    std::string_view begin; ///< of the problem's text: file, place and key
    std::string_view what;  ///< somewhere in it
    std::string_view remedy;
};

/// Exactly one problem, which reads as the case says.
inline void check_refused(const Refused& expected) {
    CAPTURE(expected.text.substr(0, 400));
    std::string said;
    std::size_t problems = 0;
    try {
        (void)load_text(expected.text);
    } catch (const config::ConfigError& error) {
        said = error.what();
        problems = error.problems().size();
    }
    CAPTURE(said);
    CHECK(problems == 1);
    CHECK(said.starts_with(expected.begin));
    CHECK(said.find(expected.what) != std::string::npos);
    CHECK(said.find(expected.remedy) != std::string::npos);
}

} // namespace nat64::test
