// SPDX-License-Identifier: Apache-2.0
// A pool as part of the pool that the tables were made for when the daemon started: a reload
// may leave addresses out and take them in again, with the ports they had, and no others. Pure.
#pragma once

#include "core/napt_settings.hpp"

#include <optional>
#include <vector>

namespace nat64::config {

/// The first address of `wanted` that is not in `made_for`, or has other ports there.
[[nodiscard]] std::optional<Ipv4Addr> beyond(const std::vector<PoolItem>& made_for,
                                             const std::vector<PoolItem>& wanted);

/// The addresses of `made_for` that are not in `wanted`, ascending.
[[nodiscard]] std::vector<Ipv4Addr> left_out(const std::vector<PoolItem>& made_for,
                                             const std::vector<PoolItem>& wanted);

} // namespace nat64::config
