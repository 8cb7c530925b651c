// SPDX-License-Identifier: Apache-2.0
// Rules and rulings of a policy in the words of the configuration that they come from.
#pragma once

#include "core/policy.hpp"

#include <string>

namespace nat64::config {

/// "{prefix: 0.0.0.0/0, protocol: tcp, ports: 25-25}"
[[nodiscard]] std::string describe(const DestinationRule& rule);

/// "destinations.deny[0], {prefix: 0.0.0.0/0, ...}". `settings` is what the policy was made of.
[[nodiscard]] std::string describe(const Ruling& ruling, const PolicySettings& settings);

} // namespace nat64::config
