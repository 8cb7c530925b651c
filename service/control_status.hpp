// SPDX-License-Identifier: Apache-2.0
// `show status`: one object with everything that has one value, from counters, configuration
// and a sum over the pool.
#pragma once

#include "service/daemon_view.hpp"

#include <functional>
#include <span>
#include <string>
#include <vector>

namespace nat64::service {

/// A job for the packet thread: all rows of the pool.
[[nodiscard]] std::function<std::vector<PoolRow>()> visit_pool(const DaemonView& view);

/// docs/control-protocol.md describes it.
[[nodiscard]] std::string status_json(const DaemonView& view, std::span<const PoolRow> pool);

} // namespace nat64::service
