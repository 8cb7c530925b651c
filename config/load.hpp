// SPDX-License-Identifier: Apache-2.0
// From a YAML file to a Config that is complete and consistent, or a ConfigError that says
// everything that is wrong with it. Reads the one file it is given and nothing else of the
// machine: whether addresses or groups exist is found out by who uses them.
#pragma once

#include "config/config.hpp"
#include "config/config_error.hpp"

#include <filesystem>
#include <string_view>

namespace nat64::config {

/// Reads and checks a file. `profile` counts if the file names none. Throws ConfigError.
[[nodiscard]] Config load(const std::filesystem::path& file, Profile profile = Profile::None);

/// The same from memory; `file` is what errors call it.
[[nodiscard]] Config parse(std::string_view text,
                           const std::filesystem::path& file = {},
                           Profile profile = Profile::None);

/// What an empty file means. Throws ConfigError while that needs a pool.
[[nodiscard]] Config defaults(Profile profile = Profile::None);

} // namespace nat64::config
