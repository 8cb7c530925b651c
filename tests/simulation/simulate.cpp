// SPDX-License-Identifier: Apache-2.0
// `tools/simulate`: a simulation as long and as crowded as one likes, with progress and a
// summary. Exit code 1, with the seed, when something does not hold.
#include "tests/oracle/expect.hpp"
#include "tests/simulation/run.hpp"

#include <chrono>
#include <cstdint>
#include <iomanip>
#include <iostream>
#include <string>

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
    bool address_dependent = false;
};

void declare(CLI::App& app, Arguments& arguments) {
    app.add_option("--days", arguments.days, "simulated time")->check(CLI::Range(0.01, 3650.0));
    app.add_option("--hosts", arguments.hosts, "IPv6 hosts")->check(CLI::Range(1U, 1U << 28));
    app.add_option("--flows", arguments.flows, "conversations of a host in a day")
        ->check(CLI::PositiveNumber);
    app.add_option("--seed", arguments.seed, "the same seed is the same run");
    app.add_option("--sessions", arguments.sessions, "limits.sessions");
    app.add_option("--pool", arguments.pool, "IPv4 prefix");
    app.add_flag("--address-dependent", arguments.address_dependent, "filtering");
}

Plan plan_of(const Arguments& arguments) {
    const auto pool = Prefix4::parse(arguments.pool);
    if (!pool) throw CLI::ValidationError{"--pool", "not an IPv4 prefix"};
    Plan plan;
    plan.napt.pool = {{*pool, {Port{1024}, Port{65535}}}};
    plan.napt.limits.sessions = arguments.sessions;
    plan.napt.limits.client_prefix = 64;
    if (arguments.address_dependent) plan.napt.filtering = Filtering::AddressDependent;
    plan.crowd = {arguments.hosts, arguments.flows, arguments.seed, *pool};
    plan.length = std::chrono::duration_cast<Clock::duration>(
        std::chrono::duration<double, std::ratio<86400>>(arguments.days));
    return plan;
}

double seconds_since(std::chrono::steady_clock::time_point start) {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

void print_progress(unsigned inspection, const Plan& plan, const Internet& internet) {
    const auto elapsed = std::chrono::duration<double, std::ratio<86400>>(
        plan.length * inspection / plan.inspections);
    std::cout << "day " << std::fixed << std::setprecision(2) << elapsed.count() << ": "
              << internet.tally().packets << " packets, " << internet.book().sessions()
              << " sessions, " << internet.book().bindings() << " bindings, all in order"
              << std::endl;
}

void print_summary(const Outcome& outcome, double seconds) {
    std::cout << '\n';
    for (std::size_t i = 0; i < kKindNames.size(); ++i)
        std::cout << "  " << std::left << std::setw(34) << kKindNames[i] << outcome.begun[i]
                  << '\n';
    for (std::size_t i = 0; i < kDropReasonCount; ++i)
        if (outcome.drops[i] != 0)
            std::cout << "  dropped: " << std::left << std::setw(25) << kDropReasons[i].label
                      << outcome.drops[i] << '\n';
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    std::cout << "  sessions                          " << outcome.sessions << ", at most "
              << outcome.most_sessions << " at a time\n"
              << "  ICMP errors                       " << outcome.tally.errors6 << " to IPv6, "
              << outcome.tally.errors4 << " to IPv4\n"
              << "  TCP probes                        " << outcome.tally.probes << '\n'
              << "  hairpinned                        " << outcome.tally.hairpinned << '\n'
              << "  digest                            " << std::hex << outcome.tally.digest
              << std::dec << '\n'
              << "  resident memory                   " << usage.ru_maxrss / 1024
              << " MB at most\n\n"
              << outcome.tally.packets << " packets in " << std::setprecision(1) << seconds
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
