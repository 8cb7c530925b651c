// SPDX-License-Identifier: Apache-2.0
// The effective configuration as YAML, every key with its value, in the schema's order: what
// `nat64 check` and `nat64 show config` print. Reading it gives the same Config again.
#pragma once

#include "config/config.hpp"

#include <string>

namespace nat64::config {

[[nodiscard]] std::string print(const Config& config);

} // namespace nat64::config
