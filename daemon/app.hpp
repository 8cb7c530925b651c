// SPDX-License-Identifier: Apache-2.0
// `nat64 run`: the daemon's life from a loaded configuration to the last line of its log.
//
//   1. check    the machine against the configuration, before anything is touched
//   2. set up   control socket, TUN, link, routes; each owned, so that any failure undoes all
//   3. let go   of every privilege
//   4. run      control thread (this one: signals, control socket, watchdog) beside the packet
//               thread
//   5. stop     in the opposite order
#pragma once

#include "config/config.hpp"

#include <functional>

namespace nat64::daemon {

/// How the configuration is read again when it is to be reloaded. Throws config::ConfigError.
using LoadAgain = std::function<config::Config()>;

/// Runs in the foreground until SIGINT or SIGTERM; SIGHUP reloads. Returns the exit code: 0,
/// or 1 when the packet thread failed (the log says why). What keeps it from starting is
/// thrown: config::ConfigError if the configuration does not fit this machine,
/// std::system_error if the machine refuses something.
[[nodiscard]] int run(const config::Config& config, LoadAgain load_again);

} // namespace nat64::daemon
