// SPDX-License-Identifier: Apache-2.0
// The executable: parses the command line along the table of verbs, runs one, and turns
// whatever goes wrong into one kind of message and three exit codes (0 done, 1 failed at run
// time, 2 usage or configuration).
#include "cli/exit_codes.hpp"
#include "cli/usage_error.hpp"
#include "cli/verbs.hpp"
#include "config/config_error.hpp"
#include "config/nearest.hpp"

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <exception>
#include <new>
#include <string>
#include <string_view>
#include <vector>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

namespace {

using namespace nat64;

/// "nat64: " in front of each line.
void complain(std::string_view text) noexcept {
    while (!text.empty()) {
        const auto end = std::min(text.find('\n'), text.size());
        std::fprintf(stderr, "nat64: %.*s\n", static_cast<int>(end), text.data());
        text.remove_prefix(std::min(end + 1, text.size()));
    }
}

/// A first word that is no verb gets a better answer than CLI11's.
void check_verb(int argc, char** argv) {
    if (argc < 2 || argv[1][0] == '-') return;
    const std::string_view word{argv[1]};
    std::vector<std::string_view> names;
    for (const auto& verb : cli::verbs()) {
        if (word == verb.name) return;
        names.emplace_back(verb.name);
    }
    const auto near = config::nearest_word(names, word);
    throw cli::UsageError{"there is no verb '" + std::string{word} + "'; " +
                          (near.empty() ? "see `nat64 --help`"
                                        : "did you mean `nat64 " + std::string{near} + "`?")};
}

int run(int argc, char** argv) {
    check_verb(argc, argv);
    cli::Options options;
    const cli::Verb* chosen = nullptr;
    CLI::App app{"A stateful NAT64 (RFC 6146) for Linux: IPv6-only hosts reach the IPv4 world.",
                 "nat64"};
    app.require_subcommand(1);
    app.set_version_flag("--version", "nat64 " NAT64_VERSION);
    for (const auto& verb : cli::verbs()) {
        auto* const subcommand = app.add_subcommand(verb.name, verb.help);
        verb.add_options(*subcommand, options);
        subcommand->callback([&chosen, &verb] { chosen = &verb; });
    }
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        if (error.get_exit_code() == 0) return app.exit(error);
        throw cli::UsageError{
            std::string{error.what()} + "; see `nat64 " +
            (argc > 1 && argv[1][0] != '-' ? argv[1] + std::string{" "} : "") + "--help`"};
    }
    return chosen->run(options);
}

} // namespace

int main(int argc, char** argv) {
    // Whoever started us may have ignored it; a closed pipe ends a verb without a word.
    (void)std::signal(SIGPIPE, SIG_DFL);
    try {
        return run(argc, argv);
    } catch (const cli::UsageError& error) {
        complain(error.what());
        return cli::kUsage;
    } catch (const config::ConfigError& error) {
        complain(error.what());
        return cli::kUsage;
    } catch (const std::bad_alloc&) {
        complain("out of memory; limits.sessions says how large the tables are");
        return cli::kFailed;
    } catch (const std::exception& error) {
        complain(error.what());
        return cli::kFailed;
    }
}
