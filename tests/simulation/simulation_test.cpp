// SPDX-License-Identifier: Apache-2.0
// A day in the life, small enough for every build; tools/simulate has the long ones.
#include "tests/simulation/run.hpp"

#include <chrono>
#include <optional>
#include <vector>

#include <doctest/doctest.h>

namespace nat64::simulation {

namespace {

using namespace std::chrono_literals;

Plan small_plan(std::uint64_t seed) {
    Plan plan;
    const auto pool = *Prefix4::parse("192.0.2.0/30");
    plan.napt.pool = {{pool, {Port{1024}, Port{65535}}}};
    plan.napt.limits.sessions = 20'000;
    plan.napt.limits.client_prefix = 64;
    plan.crowd = {500, 10, seed, pool};
    plan.inspections = 12;
    return plan;
}

/// A transport address and a whole host.
std::vector<StaticItem> some_statics(Ipv4Addr of_pool) {
    const auto service = Ipv6Addr::from_halves(0x2001'0db8'ffff'0001, 1);
    const auto host = Ipv6Addr::from_halves(0x2001'0db8'ffff'0002, 1);
    return {{L4Proto::Tcp, {service, Port{443}}, {of_pool, Port{8443}}},
            {std::nullopt, {host, {}}, {Ipv4Addr{192, 0, 2, 200}, {}}}};
}

Plan kernel_plan(std::uint64_t seed) {
    auto plan = small_plan(seed);
    plan.napt.pool.clear();
    plan.napt.inner_pool = Prefix4::parse("100.64.0.0/21");
    return plan;
}

std::uint64_t drops(const Outcome& outcome, DropReason reason) {
    return outcome.drops[static_cast<std::size_t>(reason)];
}

} // namespace

TEST_CASE("simulation: a day with every kind of traffic, everything in order throughout") {
    const auto outcome = run(small_plan(1));
    for (std::size_t kind = 0; kind < kKindNames.size(); ++kind)
        if (static_cast<Kind>(kind) != Kind::Visitors) CHECK(outcome.begun[kind] > 0);
    CHECK(outcome.tally.probes > 0);
    CHECK(outcome.tally.hairpinned > 0);
    CHECK(outcome.tally.answers4 > 0);
    CHECK(outcome.tally.errors4 > 0);
    CHECK(outcome.tally.errors6 > 0);
    CHECK(outcome.tally.reassembled > 0);
    CHECK(drops(outcome, DropReason::NoBinding) > 0);
    CHECK(drops(outcome, DropReason::ClientHalfOpenLimit) > 0);
}

TEST_CASE("simulation: tables and pools that are too small refuse what is new, nothing else") {
    auto plan = small_plan(2);
    plan.napt.pool = {{*Prefix4::parse("192.0.2.0"), {Port{1024}, Port{1323}}}};
    plan.crowd.pool = plan.napt.pool[0].prefix;
    const auto exhausted = run(plan);
    CHECK(drops(exhausted, DropReason::PoolExhausted) > 0);
    plan = small_plan(2);
    plan.napt.limits.sessions = 300;
    const auto full = run(plan);
    CHECK(drops(full, DropReason::SessionLimit) > 0);
    CHECK(full.most_sessions <= 300);
}

TEST_CASE("simulation: address-dependent filtering, limits that bite, seven years after boot") {
    auto plan = small_plan(3);
    plan.napt.filtering = Filtering::AddressDependent;
    plan.napt.limits.sessions_per_client = 4;
    plan.napt.limits.ports_per_client = 3;
    plan.napt.limits.new_sessions_per_second = 2;
    // In the middle of the day, ticks reach 2^31.
    plan.start = Clock::time_point{Tick::kLength * (std::int64_t{1} << 31) - 12h};
    const auto outcome = run(plan);
    CHECK(drops(outcome, DropReason::ClientPortLimit) > 0);
    CHECK(drops(outcome, DropReason::ClientSessionLimit) > 0);
    CHECK(drops(outcome, DropReason::ClientRateLimit) > 0);
}

TEST_CASE("simulation: reloads at any time, back and forth, with static entries") {
    auto plan = small_plan(6);
    plan.napt.statics = some_statics(plan.crowd.pool.address());
    plan.reloads = 10;
    const auto outcome = run(plan);
    CHECK(outcome.tally.reloads > 50);
    CHECK(outcome.begun[static_cast<std::size_t>(Kind::Visitors)] > 0);
    CHECK(drops(outcome, DropReason::ClientDenied) > 0);
    CHECK(drops(outcome, DropReason::DestinationDenied) > 0);
}

TEST_CASE("simulation: napt: kernel, no inner address goes to another host too early") {
    auto plan = kernel_plan(7);
    SUBCASE("a day") {
        const auto outcome = run(plan);
        CHECK(outcome.sessions == 0);
        CHECK(outcome.tally.errors6 > 0);
        CHECK(drops(outcome, DropReason::ClientAddressLimit) > 0);
    }
    SUBCASE("more hosts than addresses") {
        plan.napt.inner_pool = Prefix4::parse("100.64.0.0/26");
        CHECK(drops(run(plan), DropReason::PoolExhausted) > 0);
    }
    SUBCASE("reloads") {
        plan.reloads = 10;
        const auto outcome = run(plan);
        CHECK(outcome.tally.reloads > 50);
        CHECK(drops(outcome, DropReason::ClientDenied) > 0);
    }
}

TEST_CASE("simulation: the same seed is the same run, another one is another") {
    auto plan = small_plan(4);
    plan.crowd.hosts = 50;
    const auto digest = run(plan).tally.digest;
    CHECK(run(plan).tally.digest == digest);
    plan.crowd.seed = 5;
    CHECK(run(plan).tally.digest != digest);
}

} // namespace nat64::simulation
