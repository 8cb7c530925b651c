// SPDX-License-Identifier: Apache-2.0
// A day in the life, small enough for every build; tools/simulate has the long ones.
#include "tests/oracle/expect.hpp"
#include "tests/simulation/allocations.hpp"
#include "tests/simulation/run.hpp"

#include <algorithm>
#include <chrono>
#include <memory>

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

std::uint64_t drops(const Outcome& outcome, DropReason reason) {
    return outcome.drops[static_cast<std::size_t>(reason)];
}

Event event(EventKind kind, Clock::time_point when) {
    Event event;
    event.kind = kind;
    event.protocol = L4Proto::Udp;
    event.when = when;
    event.client6 = {*Ipv6Addr::parse("2001:db8::1"), Port{4000}};
    event.mapped4 = {Ipv4Addr{192, 0, 2, 1}, Port{5000}};
    event.server4 = {Ipv4Addr{198, 18, 0, 1}, Port{53}};
    return event;
}

} // namespace

TEST_CASE("simulation: a day with every kind of traffic, everything in order throughout") {
    const auto outcome = run(small_plan(1));
    CHECK(std::ranges::all_of(outcome.begun, [](auto count) { return count > 0; }));
    CHECK(outcome.tally.probes > 0);
    CHECK(outcome.tally.hairpinned > 0);
    CHECK(outcome.tally.errors4 > 0);
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

TEST_CASE("simulation: the same seed is the same run, another one is another") {
    auto plan = small_plan(4);
    plan.crowd.hosts = 50;
    const auto digest = run(plan).tally.digest;
    CHECK(run(plan).tally.digest == digest);
    plan.crowd.seed = 5;
    CHECK(run(plan).tally.digest != digest);
}

// ---- the checks by themselves: they must see what they are there for ----

TEST_CASE("session book: what ends early, late or without having begun is seen") {
    const NaptSettings settings;
    const Clock::time_point begin{1h};
    const auto ended = [&](Clock::duration after) {
        SessionBook book{settings};
        book.on_event(event(EventKind::BindingCreated, begin));
        book.on_event(event(EventKind::SessionCreated, begin));
        book.on_event(event(EventKind::SessionDeleted, begin + after));
        return book.complaint().substr(0, 11);
    };
    CHECK(ended(settings.timeouts.udp - 1ms) == "ended early");
    CHECK(ended(settings.timeouts.udp) == "");
    CHECK(ended(settings.timeouts.udp + Tick::kLength) == "");
    CHECK(ended(settings.timeouts.udp + Tick::kLength + 1ms) == "ended late:");
    SessionBook book{settings};
    book.on_event(event(EventKind::SessionDeleted, begin));
    CHECK(book.complaint() != "");
}

TEST_CASE("session book: a transport address with two owners, or with a new one at once") {
    const NaptSettings settings;
    const Clock::time_point begin{1h};
    SessionBook book{settings};
    book.on_event(event(EventKind::BindingCreated, begin));
    auto another = event(EventKind::BindingCreated, begin);
    another.client6.port = Port{4001};
    SUBCASE("two owners") {
        book.on_event(another);
        CHECK(book.complaint().starts_with("two bindings share"));
    }
    SUBCASE("RFC 6888 §3 REQ-8: not before two minutes") {
        book.on_event(event(EventKind::BindingDeleted, begin));
        another.when = begin + 119s;
        book.on_event(another);
        CHECK(book.complaint().starts_with("a port is given out again at once"));
    }
    SUBCASE("after that") {
        book.on_event(event(EventKind::BindingDeleted, begin));
        another.when = begin + 120s;
        book.on_event(another);
        CHECK(book.complaint() == "");
    }
}

TEST_CASE("allocations: only what is watched counts") {
    const auto before = allocations();
    {
        const Watch watch;
        const Pause pause;
        CHECK(std::make_unique<int>(1) != nullptr);
    }
    CHECK(allocations() == before);
}

} // namespace nat64::simulation
