// SPDX-License-Identifier: Apache-2.0
// The verbs that change a running daemon: `nat64 reload`, `flush`, `log-level`. Each is one
// request over the control socket, which only root and the daemon's own user may make, and a
// few lines about what has been done, or one JSON document.
#pragma once

#include <filesystem>
#include <iosfwd>
#include <string>

namespace nat64::cli {

/// The command line, as given; change() checks it. Empty texts are options that were not given.
struct ChangeOptions {
    std::filesystem::path socket = "/run/nat64/nat64.sock"; ///< --socket
    std::string client;                                     ///< flush: --client PREFIX6
    std::string server;                                     ///< flush: --server PREFIX4
    std::string mapped;                                     ///< flush: --mapped PREFIX4
    std::string protocol;                                   ///< flush: --protocol tcp|udp|icmp
    bool all = false;                                       ///< flush: --all
    std::string level;                                      ///< log-level: LEVEL
    bool json = false;                                      ///< --json
};

/// Prints to standard output and says on standard error what went wrong. The exit code: 0 done,
/// 1 refused or failed, nothing has changed, 2 wrong usage.
int change(const std::string& verb, const ChangeOptions& options);

/// The same to the given streams.
int change(const std::string& verb,
           const ChangeOptions& options,
           std::ostream& out,
           std::ostream& err);

} // namespace nat64::cli
