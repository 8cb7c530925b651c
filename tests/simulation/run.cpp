// SPDX-License-Identifier: Apache-2.0
#include "tests/simulation/run.hpp"

#include "tests/oracle/expect.hpp"
#include "tests/simulation/operator.hpp"

#include <algorithm>
#include <memory>
#include <string>

namespace nat64::simulation {

namespace {

/// What may happen to packets that are right in themselves: they come too late, uninvited, or
/// too many.
constexpr std::array kOrdinary{DropReason::NoBinding,           DropReason::Filtered,
                               DropReason::TcpNotSyn,           DropReason::SynStoreFull,
                               DropReason::SynRepeated,         DropReason::SynExpired,
                               DropReason::SynSuperseded,       DropReason::PoolExhausted,
                               DropReason::SessionLimit,        DropReason::ClientSessionLimit,
                               DropReason::ClientPortLimit,     DropReason::ClientAddressLimit,
                               DropReason::ClientHalfOpenLimit, DropReason::ClientRateLimit,
                               DropReason::NotInPool,           DropReason::BadQuotedPacket,
                               DropReason::FragmentDuplicate,   DropReason::FragmentTimeout,
                               DropReason::FragmentLimit,       DropReason::FragmentRefused};

/// Reloads bring these along.
constexpr std::array kAfterReloads{DropReason::ClientDenied, DropReason::DestinationDenied};

bool is_ordinary(DropReason reason, bool reloads) {
    const auto has = [reason](const auto& reasons) {
        return std::ranges::find(reasons, reason) != reasons.end();
    };
    return has(kOrdinary) || (reloads && has(kAfterReloads));
}

void read_counters(const Counters& counters, bool reloads, Outcome& outcome) {
    for (std::size_t i = 0; i < kDropReasonCount; ++i) {
        outcome.drops[i] = counters.drops[i].value();
        if (outcome.drops[i] != 0 && !is_ordinary(static_cast<DropReason>(i), reloads))
            throw oracle::Broken{"good packets dropped: " + std::string{kDropReasons[i].label}};
    }
    for (const auto& sessions : counters.sessions_created)
        outcome.sessions += sessions.value();
}

} // namespace

Outcome run(const Plan& plan, const Progress& progress) {
    const auto internet = std::make_unique<Internet>(plan.napt, plan.crowd.seed, plan.start);
    Population population{plan.crowd, *internet};
    Operator person{*internet, plan.crowd.hosts, plan.crowd.seed};
    const auto steps = plan.reloads + 1;
    for (unsigned i = 0; i < plan.inspections; ++i) {
        for (unsigned step = 1; step <= steps; ++step) {
            const auto part = std::int64_t{i} * steps + step;
            population.live(plan.start + plan.length / plan.inspections / steps * part);
            if (step < steps) person.act();
        }
        internet->inspect();
        if (progress) progress(i + 1, *internet);
    }
    population.fall_silent();
    internet->finish();

    Outcome outcome;
    outcome.tally = internet->tally();
    outcome.begun = population.begun();
    outcome.most_sessions = internet->book().most_sessions();
    read_counters(internet->counters(), plan.reloads != 0, outcome);
    return outcome;
}

} // namespace nat64::simulation
