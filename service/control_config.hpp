// SPDX-License-Identifier: Apache-2.0
// `show config`: the effective configuration, as the text that `nat64 check` prints and as one
// value a key; and what a reload has changed of it.
#pragma once

#include "config/config.hpp"
#include "config/difference.hpp"

#include <string>

namespace nat64::service {

/// docs/control-protocol.md describes it.
[[nodiscard]] std::string config_json(const config::Config& config);

/// An item of `reload`.
[[nodiscard]] std::string to_json(const config::Change& change);

} // namespace nat64::service
