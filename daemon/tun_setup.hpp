// SPDX-License-Identifier: Apache-2.0
// From a configuration to an interface that packets come to: the TUN, its link settings, its
// routes. All of it goes when the returned descriptor is closed, so there is nothing to undo,
// neither after a failure half-way nor after SIGKILL.
#pragma once

#include "config/config.hpp"
#include "platform/host_ops.hpp"
#include "platform/tun_device.hpp"
#include "platform/unique_fd.hpp"

namespace nat64::daemon {

/// Throws std::system_error.
[[nodiscard]] platform::TunDevice
set_up_tun(const config::Config& config, platform::HostOps& host, platform::UniqueFd driver);

} // namespace nat64::daemon
