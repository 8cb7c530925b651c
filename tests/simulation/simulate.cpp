// SPDX-License-Identifier: Apache-2.0
// `tools/simulate`: a simulation as long and as crowded as one likes, with progress and a
// summary. Exit code 1, with the seed, when something does not hold.
#include "tests/oracle/expect.hpp"
#include "tests/simulation/run.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <iomanip>
#include <iostream>
#include <string>
#include <string_view>
#include <vector>

#include <CLI/CLI.hpp>

#include <sys/resource.h>

namespace nat64::simulation {

namespace {

struct Arguments {
    double days = 1;
    std::uint32_t hosts = 100'000;
    double flows = 10;
    std::uint64_t seed = 1;
    std::uint32_t sessions = 1'000'000;
    std::string pool = "192.0.2.0/26";
    unsigned reloads = 1;
    bool address_dependent = false;
    bool kernel = false;
};

void declare(CLI::App& app, Arguments& arguments) {
    app.add_option("--days", arguments.days, "simulated time")->check(CLI::Range(0.01, 3650.0));
    app.add_option("--hosts", arguments.hosts, "IPv6 hosts")->check(CLI::Range(1U, 1U << 28));
    app.add_option("--flows", arguments.flows, "conversations of a host in a day")
        ->check(CLI::PositiveNumber);
    app.add_option("--seed", arguments.seed, "the same seed is the same run");
    app.add_option("--sessions", arguments.sessions, "limits.sessions");
    app.add_option("--pool", arguments.pool, "IPv4 prefix");
    app.add_option("--reloads", arguments.reloads, "of other settings, an hour");
    app.add_flag("--address-dependent", arguments.address_dependent, "filtering");
    app.add_flag("--kernel", arguments.kernel, "napt: kernel, with inner addresses of --pool");
}

/// One entry for a transport address, one for a whole host outside the pool.
std::vector<StaticItem> some_statics(const Prefix4& pool) {
    const auto service = Ipv6Addr::from_halves(0x2001'0db8'ffff'0001, 1);
    const auto host = Ipv6Addr::from_halves(0x2001'0db8'ffff'0002, 1);
    return {{L4Proto::Tcp, {service, Port{443}}, {pool.address(), Port{8443}}},
            {std::nullopt, {host, {}}, {Ipv4Addr{198, 51, 100, 200}, {}}}};
}

Plan plan_of(const Arguments& arguments) {
    const auto pool = Prefix4::parse(arguments.pool);
    if (!pool) throw CLI::ValidationError{"--pool", "not an IPv4 prefix"};
    Plan plan;
    if (arguments.kernel) {
        plan.napt.inner_pool = *pool;
    } else {
        plan.napt.pool = {{*pool, {Port{1024}, Port{65535}}}};
        plan.napt.statics = some_statics(*pool);
    }
    plan.napt.limits.sessions = arguments.sessions;
    plan.napt.limits.client_prefix = 64;
    if (arguments.address_dependent) plan.napt.filtering = Filtering::AddressDependent;
    plan.crowd = {arguments.hosts, arguments.flows, arguments.seed, *pool};
    plan.length = std::chrono::duration_cast<Clock::duration>(
        std::chrono::duration<double, std::ratio<86400>>(arguments.days));
    plan.inspections = static_cast<unsigned>(std::ceil(arguments.days * 24));
    plan.reloads = arguments.reloads;
    return plan;
}

double seconds_since(std::chrono::steady_clock::time_point start) {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

/// Two dozen lines, however long it takes.
void print_progress(unsigned inspection, const Plan& plan, const Internet& internet) {
    if (inspection % std::max(1U, plan.inspections / 24) != 0) return;
    const auto elapsed = std::chrono::duration<double, std::ratio<86400>>(
        plan.length * inspection / plan.inspections);
    std::cout << "day " << std::fixed << std::setprecision(2) << elapsed.count() << ": "
              << internet.tally().packets << " packets, " << internet.book().sessions()
              << " sessions, " << internet.book().bindings() << " bindings, all in order"
              << std::endl;
}

template <typename Value>
void print_row(std::string_view what, const Value& value) {
    std::cout << "  " << std::left << std::setw(40) << what << std::right << std::setw(14)
              << value << '\n';
}

void print_summary(const Outcome& outcome, double seconds) {
    const auto& tally = outcome.tally;
    std::cout << '\n';
    for (std::size_t i = 0; i < kKindNames.size(); ++i)
        print_row(kKindNames[i], outcome.begun[i]);
    print_row("sessions", outcome.sessions);
    print_row("  at a time, at most", outcome.most_sessions);
    print_row("reloads", tally.reloads);
    print_row("packets", tally.packets);
    print_row("  through hairpin", tally.hairpinned);
    print_row("  in pieces, put together again", tally.reassembled);
    print_row("  TCP probes", tally.probes);
    print_row("  ICMP errors translated to IPv6", tally.errors6);
    print_row("  ICMP errors translated to IPv4", tally.errors4);
    print_row("  ICMP errors as answers to IPv6", tally.answers6);
    print_row("  ICMP errors as answers to IPv4", tally.answers4);
    for (std::size_t i = 0; i < kDropReasonCount; ++i)
        if (outcome.drops[i] != 0)
            print_row("  dropped: " + std::string{kDropReasons[i].label}, outcome.drops[i]);
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    print_row("resident memory at most, MB", usage.ru_maxrss / 1024);
    std::cout << std::hex;
    print_row("digest of all that left", tally.digest);
    std::cout << std::dec << std::setprecision(1) << '\n'
              << tally.packets << " packets in " << seconds
              << " s; everything held throughout, nothing was left\n";
}

int simulate(const Arguments& arguments) {
    const auto plan = plan_of(arguments);
    const auto start = std::chrono::steady_clock::now();
    try {
        const auto outcome = run(plan, [&](unsigned inspection, const Internet& internet) {
            print_progress(inspection, plan, internet);
        });
        print_summary(outcome, seconds_since(start));
    } catch (const oracle::Broken& broken) {
        std::cerr << "simulate: with seed " << arguments.seed << ": " << broken.what() << '\n';
        return 1;
    }
    return 0;
}

} // namespace

} // namespace nat64::simulation

int main(int argc, char** argv) {
    CLI::App app{"Simulated hosts and days through the translator, everything checked"};
    nat64::simulation::Arguments arguments;
    nat64::simulation::declare(app, arguments);
    try {
        app.parse(argc, argv);
        return nat64::simulation::simulate(arguments);
    } catch (const CLI::ParseError& error) {
        return app.exit(error);
    }
}
