// SPDX-License-Identifier: Apache-2.0
// Reading a configuration for a running daemon. A start refuses what is wrong and nothing is
// lost; a reload takes a file that somebody may be writing at this very moment. So it has to be
// an ordinary file (opening a pipe would wait), not an empty one (an editor's first step), and
// the same before and after it was read.
#pragma once

#include "config/config.hpp"

#include <filesystem>
#include <string>

namespace nat64::daemon {

/// Where a daemon's configuration comes from.
struct Origin {
    std::filesystem::path file;
    bool may_be_missing = false; ///< then there are defaults
    config::Profile profile{};   ///< for a file that names none
};

/// The text of a file that is there. Throws config::ConfigError.
[[nodiscard]] std::string read_steadily(const std::filesystem::path& file);

/// The same of an origin: "" for defaults.
[[nodiscard]] std::string read_again(const Origin& origin);

/// The configuration in what read_again() returned. Throws config::ConfigError.
[[nodiscard]] config::Config parse_again(const Origin& origin, const std::string& text);

} // namespace nat64::daemon
