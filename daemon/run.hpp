// SPDX-License-Identifier: Apache-2.0
// `nat64 run`: the daemon's life from a loaded configuration to the last line of its log.
//
//   1. check    the machine against the configuration, before anything is touched
//   2. fork     the second process, which keeps what needs privileges (machine_process.hpp)
//   3. set up   control socket, TUN, link, routes; each owned, so that any failure undoes all
//   4. let go   of every privilege, and of every system call but those on what is open
//   5. run      control thread (this one: signals, control socket, watchdog) beside the packet
//               thread
//   6. stop     in the opposite order
#pragma once

#include "config/config.hpp"
#include "daemon/steady_file.hpp"

namespace nat64::daemon {

/// Runs in the foreground until SIGINT or SIGTERM; SIGHUP reloads from `origin`. Returns the
/// exit code: 0, or 1 when the packet thread failed (the log says why). What keeps it from
/// starting is thrown: config::ConfigError if the configuration does not fit this machine,
/// std::system_error if the machine refuses something.
[[nodiscard]] int run(const config::Config& config, const Origin& origin);

} // namespace nat64::daemon
