// SPDX-License-Identifier: Apache-2.0
// Which file a verb takes its configuration from, for all verbs alike.
#pragma once

#include <filesystem>

namespace nat64::cli {

inline constexpr auto kDefaultConfig = "/etc/nat64/nat64.yaml";

/// `given` (-c), else the default file; empty if there is none, which means defaults. Whatever
/// stands in the place of the default file is meant, whether it can be read or not: a link to
/// nowhere must not open a gateway with defaults.
[[nodiscard]] std::filesystem::path
config_file(const std::filesystem::path& given,
            const std::filesystem::path& usual = kDefaultConfig);

} // namespace nat64::cli
