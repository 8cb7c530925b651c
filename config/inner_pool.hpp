// SPDX-License-Identifier: Apache-2.0
// What follows from an inner pool (napt: kernel), whether the file names it or nat64 has
// chosen it when it started.
#pragma once

#include "config/config.hpp"

namespace nat64::config {

/// Sets napt.inner_pool, and the pool's first host address as the gateway's own: the source of
/// ICMP errors to the IPv4 side, on which the kernel puts the machine's address like on all
/// others. No client gets it.
void use_inner_pool(Config& config, const Prefix4& pool);

} // namespace nat64::config
