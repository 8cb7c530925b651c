// SPDX-License-Identifier: Apache-2.0
// What the daemon says about itself in its log: one line a fact when it starts, one line of
// sums when it stops.
#pragma once

#include "config/config.hpp"
#include "core/counters.hpp"
#include "platform/tun_device.hpp"

#include <string>
#include <vector>

namespace nat64::daemon {

/// The facts an operator would otherwise have to ask for, one line each.
[[nodiscard]] std::vector<std::string> describe_start(const config::Config& config,
                                                      const platform::TunDevice& tun);

/// "12 packets received, 11 sent, 1 dropped; 3 sessions"
[[nodiscard]] std::string describe_end(const Counters& counters);

} // namespace nat64::daemon
