// SPDX-License-Identifier: Apache-2.0
// Reloads against a real backend and translator on one thread. That packets go on meanwhile is
// a scenario's to prove.
#include "backends/registry.hpp"
#include "config/config_error.hpp"
#include "config/load.hpp"
#include "daemon/machine_check.hpp"
#include "daemon/reloader.hpp"
#include "platform/host_ops.hpp"

#include <exception>
#include <string>
#include <string_view>
#include <vector>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <doctest/doctest.h>

namespace nat64::daemon {

namespace {

config::Config parsed(const std::string& more) {
    return config::parse("pool: [192.0.2.0/28]\nprefix: 2001:db8:64::/96\n" + more,
                         "nat64.yaml");
}

/// A daemon as far as a reload reaches; `file` is what stands in its configuration.
class Daemon {
public:
    std::string file;
    config::Config running = parsed("");
    std::vector<config::LogLevel> levels;
    std::vector<std::string> routed;

    /// Two reloads asked for at once, each with what it changed or why it was refused.
    std::vector<std::string> reload_twice() {
        std::vector<std::string> answers;
        for (int i = 0; i < 2; ++i)
            ask(answers);
        control_.run();
        control_.restart();
        return answers;
    }

    std::string reload() {
        std::vector<std::string> answers;
        ask(answers);
        control_.run();
        control_.restart();
        return answers.at(0);
    }

    [[nodiscard]] const service::LastReload& last() const { return *reloader_.last_reload(); }

    [[nodiscard]] const NaptBackend& backend() const { return *backend_; }

private:
    void ask(std::vector<std::string>& answers) {
        boost::asio::co_spawn(
            control_,
            reloader_.reload(),
            [&](const std::exception_ptr& failure, const std::vector<config::Change>& changes) {
                std::string text;
                for (const auto& change : changes)
                    text += to_string(change) + '\n';
                try {
                    if (failure) std::rethrow_exception(failure);
                } catch (const service::CommandFailure& refusal) {
                    text = std::string{refusal.code()} + ": " + refusal.what();
                }
                answers.push_back(text);
            });
    }

    boost::asio::io_context control_{1};
    platform::LinuxHost host_;
    platform::MachineMonitor monitor_{control_};
    Counters counters_;
    Rng rng_{Secret{1, 2}};
    std::unique_ptr<NaptBackend> backend_ =
        backends::make_backend("daemon", running.napt, counters_, rng_);
    PolicyKeeper policy_{running.policy, host_, monitor_, *backend_};
    RouteKeeper routes_{control_,
                        monitor_,
                        {"nat64", platform::LinkIndex{7}},
                        routes_to_tun(running),
                        [this](platform::RouteAction action, const platform::Route& route) {
                            routed.push_back(
                                (action == platform::RouteAction::Add ? "+" : "-") +
                                platform::to_string(route.destination));
                        }};
    Translator translator_{running.translator, *backend_, counters_, rng_};
    Reloader reloader_{
        {.running = running,
         .backend = *backend_,
         .translator = translator_,
         .policy = policy_,
         .routes = routes_,
         .kernel_napt = nullptr,
         .after = [] {},
         .apply_log = [this](const config::Log& log) { levels.push_back(log.level); }},
        [this] { return file.starts_with("prefix") ? config::parse(file) : parsed(file); },
        control_.get_executor(),
        control_.get_executor()};
};

/// A client that may send to nobody.
bool forbidden(const Daemon& daemon) {
    const auto client = Ipv6Addr::parse("2001:db8::1").value();
    const Endpoint4 server{Ipv4Addr{198, 51, 100, 1}, Port{80}};
    return daemon.backend()
        .policy()
        .outbound(client, L4Proto::Tcp, server)
        .refusal()
        .has_value();
}

} // namespace

TEST_CASE("reload: the new configuration is in force as a whole, and says what has changed") {
    Daemon daemon;
    daemon.file = "clients: {deny: [\"2001:db8::/32\"]}\nlog: {level: debug}\n";
    CHECK_FALSE(forbidden(daemon));
    CHECK(daemon.reload() == "clients.deny: [] -> [2001:db8::/32]\nlog.level: info -> debug\n");
    CHECK(forbidden(daemon));
    CHECK(daemon.running == parsed(daemon.file));
    CHECK(daemon.levels == std::vector{config::LogLevel::Debug});
    CHECK(daemon.last().result == service::ReloadResult::Applied);
    CHECK(daemon.last().changes == 2);
}

TEST_CASE("reload: two in a row come in turn, and the second sees what the first has done") {
    Daemon daemon;
    daemon.file = "icmp: {rate: 7}\n";
    CHECK(daemon.reload_twice() == std::vector<std::string>{"icmp.rate: 1000 -> 7\n", ""});
    CHECK(daemon.last().result == service::ReloadResult::Unchanged);
}

TEST_CASE("reload: one key that cannot change, and nothing does") {
    Daemon daemon;
    daemon.file = "tun: {name: other}\nclients: {deny: [\"2001:db8::/32\"]}\n";
    const auto before = daemon.running;
    CHECK(
        daemon.reload().starts_with("restart_needed: tun.name: nat64 -> other cannot change"));
    CHECK(daemon.running == before);
    CHECK_FALSE(forbidden(daemon));
    CHECK(daemon.levels.empty());
    CHECK(daemon.last().result == service::ReloadResult::Refused);
}

TEST_CASE(
    "reload: a broken file leaves the running configuration as it is; a mended one is taken") {
    Daemon daemon;
    const auto before = daemon.running;
    daemon.file = "timeouts: {udp: 1s}\nlimit: {}\n";
    const auto refusal = daemon.reload();
    CHECK(refusal.starts_with("bad_configuration: nat64.yaml:4:1: limit"));
    CHECK(daemon.running == before);
    CHECK(daemon.last().refusal.find("limit") != std::string::npos);
    daemon.file = "timeouts: {udp: 10m}\n";
    CHECK(daemon.reload() == "timeouts.udp: 5m -> 10m\n");
}

TEST_CASE("reload: a pool address that is left out is nobody's, and comes back") {
    Daemon daemon;
    const std::string prefix = "prefix: 2001:db8:64::/96\n";
    const Ipv4Addr gone{192, 0, 2, 9};
    CHECK(daemon.backend().owns(gone));
    daemon.file = prefix + "pool: [192.0.2.0/29]\n";
    CHECK(daemon.reload() == "pool: [192.0.2.0/28] -> [192.0.2.0/29]\n");
    CHECK_FALSE(daemon.backend().owns(gone));
    CHECK(daemon.backend().owns(Ipv4Addr{192, 0, 2, 7}));
    CHECK(daemon.routed == std::vector<std::string>{"+192.0.2.0/29", "-192.0.2.0/28"});
    daemon.file = prefix + "pool: [192.0.2.0/28]\n";
    CHECK(daemon.reload() == "pool: [192.0.2.0/29] -> [192.0.2.0/28]\n");
    CHECK(daemon.backend().owns(gone));
}

} // namespace nat64::daemon
