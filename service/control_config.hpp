// SPDX-License-Identifier: Apache-2.0
// `show config`: the effective configuration, as the text that `nat64 check` prints and as one
// value a key.
#pragma once

#include "config/config.hpp"

#include <string>

namespace nat64::service {

/// docs/control-protocol.md describes it.
[[nodiscard]] std::string config_json(const config::Config& config);

} // namespace nat64::service
