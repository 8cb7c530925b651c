// SPDX-License-Identifier: Apache-2.0
// What `nat64` can do, as one table: each verb with its help, its options and what runs it. A
// new verb is a row here and a file beside it.
#pragma once

#include "cli/change.hpp"
#include "cli/doctor.hpp"
#include "cli/explain.hpp"
#include "cli/follow.hpp"
#include "cli/replay.hpp"
#include "cli/show.hpp"
#include "cli/top.hpp"

#include <filesystem>
#include <span>
#include <string>

namespace CLI { // layering: CLI11's own name
class App;
}

namespace nat64::cli {

/// What the command line said, for all verbs.
struct Options {
    std::filesystem::path config; ///< -c; empty if not given
    bool nft = false;             ///< check: the nftables table instead
    std::string profile;          ///< --profile; empty if not given
    ShowOptions show;
    ChangeOptions change;
    ExplainOptions explain;
    FollowOptions follow;
    TopOptions top;
    DoctorOptions doctor;
    ReplayOptions replay;
    std::string until;    ///< --until, as given
    std::string generate; ///< generate: WHAT
};

struct Verb {
    const char* name;
    const char* help;
    void (*add_options)(CLI::App& app, Options& options);
    /// Returns the exit code. Throws UsageError, config::ConfigError, or another exception if
    /// it fails at run time.
    int (*run)(const Options& options);
};

[[nodiscard]] std::span<const Verb> verbs() noexcept;

} // namespace nat64::cli
