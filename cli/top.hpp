// SPDX-License-Identifier: Apache-2.0
// `nat64 top`: watches a running daemon, on a terminal, until somebody has seen enough. A
// daemon that goes away is waited for.
#pragma once

#include <filesystem>

namespace nat64::cli {

struct TopOptions {
    std::filesystem::path socket = "/run/nat64/nat64.sock"; ///< --socket
    double interval = 1;                                    ///< --interval, seconds
    bool ascii = false;                                     ///< --ascii
};

/// Exit code 0 when the person, or a signal, has ended it. Throws UsageError where there is no
/// terminal or an option is wrong.
int top(const TopOptions& options);

} // namespace nat64::cli
