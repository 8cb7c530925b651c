// SPDX-License-Identifier: Apache-2.0
// Options are declared here and nowhere else; what they mean is the verb's own file.
#include "cli/verbs.hpp"

#include "cli/config_file.hpp"
#include "cli/generate.hpp"
#include "cli/usage_error.hpp"
#include "config/load.hpp"
#include "config/print.hpp"
#include "config/profiles.hpp"
#include "core/rfc7915/rfc7915.hpp"
#include "daemon/kernel_napt.hpp"
#include "daemon/mycelium_node.hpp"
#include "daemon/run.hpp"
#include "platform/host_ops.hpp"

#include <array>
#include <csignal>
#include <iostream>
#include <map>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <fmt/format.h>

namespace nat64::cli {

namespace {

config::Profile wanted_profile(const Options& options) {
    if (options.profile.empty()) return config::Profile::None;
    if (const auto profile = config::find_profile(options.profile)) return *profile;
    throw UsageError{fmt::format("--profile {}: there is no such profile; there are: {}",
                                 options.profile,
                                 config::profile_names())};
}

/// The file that -c names, else the default one, else no file at all.
config::Config load_config(const Options& options) {
    const auto profile = wanted_profile(options);
    const auto file = config_file(options.config);
    if (!file.empty()) return config::load(file, profile);
    std::cerr << fmt::format("nat64: no {} and no -c FILE: using defaults\n", kDefaultConfig);
    return config::defaults(profile);
}

/// For a verb that cannot do without the prefix.
config::Config load_complete_config(const Options& options) {
    auto config = load_config(options);
    if (config.mycelium.derives_prefix) daemon::complete_prefix(config, {});
    return config;
}

void flush_output() {
    if (!std::cout.flush())
        throw std::runtime_error{"cannot write to standard output; is its disk full?"};
}

std::string complaint_about_name(const std::string& file) {
    return file.empty() ? "is empty: name a file" : "";
}

void add_config(CLI::App& app,
                Options& options,
                const char* help = "configuration; default: /etc/nat64/nat64.yaml") {
    app.add_option("-c,--config", options.config, help)
        ->type_name("FILE")
        ->check(complaint_about_name);
}

void add_profile(CLI::App& app, Options& options) {
    app.add_option("--profile",
                   options.profile,
                   "defaults for a kind of network, if the configuration names none")
        ->type_name("mycelium");
}

void add_config_and_profile(CLI::App& app, Options& options) {
    add_config(app, options);
    add_profile(app, options);
}

void add_check(CLI::App& app, Options& options) {
    add_config_and_profile(app, options);
    app.add_flag("--nft",
                 options.nft,
                 "print the nftables table that 'run' would install on this machine");
}

void add_nothing(CLI::App& /*app*/, Options& /*options*/) {}

/// Which daemon, and which of its rows or events.
template <typename Selection>
void add_selection(CLI::App& app, Selection& selection) {
    app.add_option("--socket", selection.socket, "control socket of the daemon")
        ->type_name("PATH")
        ->capture_default_str();
    app.add_option("--client", selection.client, "only of this IPv6 client")
        ->type_name("PREFIX");
    app.add_option("--server", selection.server, "only to this IPv4 server")
        ->type_name("PREFIX");
    app.add_option("--mapped", selection.mapped, "only as this pool address")
        ->type_name("PREFIX");
    app.add_option("--protocol", selection.protocol, "only this protocol")
        ->type_name("tcp|udp|icmp");
}

void add_show(CLI::App& app, Options& options) {
    auto& show = options.show;
    app.add_option("WHAT", show.what, "what to show")
        ->required()
        ->type_name("status|bindings|sessions|clients|pool|drops|config");
    add_selection(app, show);
    app.add_option("--limit", show.limit, "at most so many rows")->type_name("N");
    app.add_option("--sort", show.sort, "clients: those with most of these first")
        ->type_name("sessions|ports|bindings");
    app.add_flag("--count", show.count, "only how many rows there are");
    app.add_flag("--all", show.all, "drops: those that never happened, too");
    app.add_flag("--json", show.json, "one JSON document, for programs");
}

void add_follow(CLI::App& app, Options& options) {
    auto& follow = options.follow;
    app.add_option("WHAT", follow.what, "what to follow; default: events, that is both")
        ->type_name("events|bindings|sessions");
    add_selection(app, follow);
    app.add_flag("--json", follow.json, "one JSON object a line, for programs");
}

void add_top(CLI::App& app, Options& options) {
    auto& top = options.top;
    app.add_option("--socket", top.socket, "control socket of the daemon")
        ->type_name("PATH")
        ->capture_default_str();
    app.add_option("--interval", top.interval, "how often to look, in seconds")
        ->type_name("SECONDS")
        ->capture_default_str();
    app.add_flag("--ascii", top.ascii, "draw with ASCII characters only");
}

void add_doctor(CLI::App& app, Options& options) {
    auto& doctor = options.doctor;
    add_config_and_profile(app, options);
    app.add_option("--socket", doctor.socket, "control socket; default: the configuration's")
        ->type_name("PATH");
    app.add_flag("--json", doctor.json, "one JSON document, for programs");
}

void add_socket(CLI::App& app, Options& options) {
    app.add_option("--socket", options.change.socket, "control socket of the daemon")
        ->type_name("PATH")
        ->capture_default_str();
    app.add_flag("--json", options.change.json, "one JSON document, for programs");
}

void add_flush(CLI::App& app, Options& options) {
    auto& change = options.change;
    add_socket(app, options);
    app.add_option("--client", change.client, "of this IPv6 client")->type_name("PREFIX");
    app.add_option("--server", change.server, "to this IPv4 server")->type_name("PREFIX");
    app.add_option("--mapped", change.mapped, "as this IPv4 address")->type_name("PREFIX");
    app.add_option("--protocol", change.protocol, "of this protocol")
        ->type_name("tcp|udp|icmp");
    app.add_flag("--all", change.all, "all sessions of everybody");
}

void add_log_level(CLI::App& app, Options& options) {
    add_socket(app, options);
    app.add_option("LEVEL", options.change.level, "the least severe messages to log")
        ->required()
        ->type_name("trace|debug|info|warning|error");
}

void add_explain(CLI::App& app, Options& options) {
    auto& explain = options.explain;
    app.add_option("ADDRESS", explain.address, "where to: the same as --to")
        ->type_name("ADDRESS");
    app.add_option("--from",
                   explain.from,
                   "sender, an IPv6 client or an IPv4 host; "
                   "default: whoever it is")
        ->type_name("ADDRESS");
    app.add_option("--to", explain.to, "destination, IPv6 or IPv4")->type_name("ADDRESS");
    app.add_option("--protocol", explain.protocol, "protocol")
        ->type_name("tcp|udp|icmp")
        ->capture_default_str();
    app.add_option("--port", explain.port, "destination port")
        ->type_name("N")
        ->capture_default_str();
    app.add_option("--source-port", explain.source_port, "source port; default: any")
        ->type_name("N");
    app.add_option("--socket", explain.socket, "control socket of the daemon")
        ->type_name("PATH")
        ->capture_default_str();
    add_config(app, options, "ask this configuration instead of the daemon");
    add_profile(app, options);
    app.add_flag("--json", explain.json, "one JSON document, for programs");
}

void add_generate(CLI::App& app, Options& options) {
    add_config_and_profile(app, options);
    std::string help = "what to print:";
    for (const auto& row : generators())
        help += fmt::format(" {} ({}),", row.name, row.help);
    help.pop_back();
    app.add_option("WHAT", options.generate, help)->required()->type_name(generator_names());
}

void add_replay(CLI::App& app, Options& options) {
    static const std::map<std::string, rfc7915::HopPolicy> policies{
        {"decrement", rfc7915::HopPolicy::Decrement},
        {"kernel", rfc7915::HopPolicy::KernelForwards},
    };
    auto& replay = options.replay;
    add_config_and_profile(app, options);
    app.add_option("IN", replay.input, "pcap or pcapng capture, both sides mixed; - is stdin")
        ->required()
        ->type_name("FILE");
    app.add_option("-w,--write", replay.output, "what leaves, as pcap with raw IP; - is stdout")
        ->required()
        ->type_name("OUT");
    app.add_option_function<std::string>(
           "--hop-limit",
           [&replay](const std::string& word) {
               const auto policy = policies.find(word);
               if (policy == policies.end())
                   throw UsageError{
                       fmt::format("--hop-limit {}: write decrement or kernel", word)};
               replay.hop_policy = policy->second;
           },
           "who counts the hop: the translator (default) or the kernel around it")
        ->type_name("decrement|kernel");
    app.add_option("--until", options.until, "let the clock run on behind the last packet")
        ->type_name("+TIME");
    app.add_option("--seed", replay.seed, "of every random choice")
        ->type_name("N")
        ->capture_default_str();
    app.add_flag("--json", replay.json, "summary as JSON, for programs");
}

int run_daemon(const Options& options) {
    // A reader of our log or socket that goes away is no reason to stop.
    (void)std::signal(SIGPIPE, SIG_IGN);
    const auto config = load_config(options);
    // A file that has gone is no reason to fall back on defaults; one that appears is to be
    // used.
    const bool defaults = config.file.empty();
    return daemon::run(config,
                       {.file = defaults ? std::filesystem::path{kDefaultConfig} : config.file,
                        .may_be_missing = defaults,
                        .profile = wanted_profile(options)});
}

int run_check(const Options& options) {
    const auto config = load_config(options);
    if (options.nft) {
        platform::LinuxHost host;
        std::cout << daemon::print_ruleset(config, host);
        flush_output();
        return 0;
    }
    const auto name = config.file.empty() ? std::string{"no file"} : config.file.string();
    std::cout << "# Effective configuration of " << name << '\n' << config::print(config);
    flush_output();
    return 0;
}

int run_show(const Options& options) {
    return show(options.show);
}

int run_follow(const Options& options) {
    return follow(options.follow);
}

int run_top(const Options& options) {
    return top(options.top);
}

int run_doctor(const Options& options) {
    auto wanted = options.doctor;
    wanted.config = options.config;
    wanted.profile = wanted_profile(options);
    return doctor(wanted);
}

int run_reload(const Options& options) {
    return change("reload", options.change);
}

int run_flush(const Options& options) {
    return change("flush", options.change);
}

int run_log_level(const Options& options) {
    return change("log-level", options.change);
}

int run_explain(const Options& options) {
    auto wanted = options.explain;
    wanted.offline = !options.config.empty() || !options.profile.empty();
    return explain(wanted, [&] { return load_complete_config(options); }, std::cout, std::cerr);
}

int run_replay(const Options& options) {
    auto wanted = options.replay;
    if (!options.until.empty()) wanted.run_on = parse_until(options.until);
    replay(wanted, load_complete_config(options), std::cerr);
    return 0;
}

int run_generate(const Options& options) {
    const auto* const generator = find_generator(options.generate);
    if (generator == nullptr)
        throw UsageError{fmt::format(
            "generate: there is no '{}'; there are {}", options.generate, generator_names())};
    generator->print(generator->reads == Reads::Configuration ? load_complete_config(options)
                                                              : config::Config{},
                     std::cout);
    flush_output();
    return 0;
}

int run_version(const Options& /*options*/) {
    std::cout << "nat64 " NAT64_VERSION "\n";
    flush_output();
    return 0;
}

constexpr std::array kVerbs = std::to_array<Verb>({
    {"run", "run the NAT64 in the foreground", add_config_and_profile, run_daemon},
    {"check", "check a configuration and print the effective one", add_check, run_check},
    {"show", "show what a running daemon is doing", add_show, run_show},
    {"follow", "print binding and session events as they happen", add_follow, run_follow},
    {"top", "watch a running daemon, live", add_top, run_top},
    {"doctor", "say what is wrong with this machine and what to do", add_doctor, run_doctor},
    {"reload", "put a changed configuration in force, sessions kept", add_socket, run_reload},
    {"flush", "end sessions of a running daemon", add_flush, run_flush},
    {"log-level", "change what a running daemon logs", add_log_level, run_log_level},
    {"explain",
     "tell why a packet would be translated, or would not",
     add_explain,
     run_explain},
    {"replay", "run a capture through the translator, without root", add_replay, run_replay},
    {"generate",
     "print a file for a program beside nat64: DNS64, routes, firewall, completion",
     add_generate,
     run_generate},
    {"version", "print the version", add_nothing, run_version},
});

} // namespace

std::span<const Verb> verbs() noexcept {
    return kVerbs;
}

} // namespace nat64::cli
