// SPDX-License-Identifier: Apache-2.0
// Loading a configuration for a running daemon. A start refuses what is wrong and nothing is
// lost; a reload takes a file that somebody may be writing at this very moment. So it has to be
// an ordinary file (opening a pipe would wait), not an empty one (an editor's first step), and
// the same before and after it was read.
#pragma once

#include "config/config.hpp"

#include <filesystem>

namespace nat64::daemon {

/// Throws config::ConfigError.
[[nodiscard]] config::Config load_steadily(const std::filesystem::path& file);

} // namespace nat64::daemon
