// SPDX-License-Identifier: Apache-2.0
// `profile`: a named set of defaults for a kind of network. Whatever the file says of a key
// counts instead of them.
#pragma once

#include "config/config.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace nat64::config {

/// By its name in the file.
[[nodiscard]] std::optional<Profile> find_profile(std::string_view name) noexcept;

/// "mycelium", or whichever there are: for a person.
[[nodiscard]] std::string profile_names();

[[nodiscard]] std::string_view name_of(Profile profile) noexcept;

/// Puts the profile's values into a configuration of nothing but defaults.
void use_profile(Config& config, Profile profile);

} // namespace nat64::config
