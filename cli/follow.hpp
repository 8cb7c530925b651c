// SPDX-License-Identifier: Apache-2.0
// `nat64 follow`: prints binding and session events of a running daemon as they happen, one a
// line, for a person or as JSON. Ends with exit code 0 on SIGINT and SIGTERM, with 1 when the
// daemon goes away.
#pragma once

#include <filesystem>
#include <iosfwd>
#include <string>

namespace nat64::cli {

/// The command line, as given; follow() checks it. Empty texts are options that were not given.
struct FollowOptions {
    std::string what = "events";                            ///< events, bindings or sessions
    std::filesystem::path socket = "/run/nat64/nat64.sock"; ///< --socket
    std::string client;                                     ///< --client PREFIX6
    std::string server;                                     ///< --server PREFIX4
    std::string mapped;                                     ///< --mapped PREFIX4
    std::string protocol;                                   ///< --protocol tcp|udp|icmp
    bool json = false;                                      ///< --json
};

/// Prints to standard output and says on standard error what went wrong. The exit code: 0 done,
/// 1 failed at run time, 2 wrong usage.
int follow(const FollowOptions& options);

} // namespace nat64::cli
