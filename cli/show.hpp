// SPDX-License-Identifier: Apache-2.0
// `nat64 show`: asks a running daemon over its control socket and prints what it says, as a
// table for a person or as one JSON document for a program. Both are written while rows come
// in: a million of them need no more memory than a few hundred.
#pragma once

#include <cstdint>
#include <filesystem>
#include <iosfwd>
#include <optional>
#include <string>

namespace nat64::cli {

/// The command line, as given; show() checks it. Empty texts are options that were not given.
struct ShowOptions {
    std::string what; ///< status, bindings, sessions, clients, pool, drops or config
    std::filesystem::path socket = "/run/nat64/nat64.sock"; ///< --socket
    std::string client;                                     ///< --client PREFIX6
    std::string server;                                     ///< --server PREFIX4
    std::string mapped;                                     ///< --mapped PREFIX4
    std::string sort;                                       ///< --sort sessions|ports|bindings
    std::string protocol;                                   ///< --protocol tcp|udp|icmp
    std::optional<std::uint64_t> limit;                     ///< --limit N
    bool count = false;                                     ///< --count: only how many
    bool all = false;                                       ///< --all: drops that are zero too
    bool json = false;                                      ///< --json
};

/// Prints to standard output and says on standard error what went wrong. The exit code: 0 done,
/// 1 failed at run time, 2 wrong usage.
int show(const ShowOptions& options);

/// The same to the given streams.
int show(const ShowOptions& options, std::ostream& out, std::ostream& err);

} // namespace nat64::cli
