// SPDX-License-Identifier: Apache-2.0
// `nat64 explain`: why a packet would be translated or not. The running daemon answers, with
// its bindings and this machine's addresses; where there is none, or when a configuration is
// named, the same functions answer about that configuration on this machine.
#pragma once

#include "config/config.hpp"

#include <cstdint>
#include <filesystem>
#include <functional>
#include <iosfwd>
#include <string>

namespace nat64::cli {

/// The command line, as given.
struct ExplainOptions {
    std::string address; ///< ADDRESS, the same as --to
    std::string from;
    std::string to;
    std::string protocol = "tcp";
    std::uint16_t port = 443;
    std::uint16_t source_port = 0;
    std::filesystem::path socket = "/run/nat64/nat64.sock";
    bool offline = false; ///< --config was given
    bool json = false;
};

/// `load` gives the configuration when no daemon is asked. Returns the exit code: 0 explained,
/// whatever the answer, 1 failed. Throws UsageError.
int explain(const ExplainOptions& options,
            const std::function<config::Config()>& load,
            std::ostream& out,
            std::ostream& err);

} // namespace nat64::cli
