// SPDX-License-Identifier: Apache-2.0
#include "tests/simulation/run.hpp"

#include "tests/oracle/expect.hpp"

#include <algorithm>
#include <memory>
#include <string>

namespace nat64::simulation {

namespace {

/// What may happen to packets that are right in themselves: they come too late, uninvited, or
/// too many.
constexpr std::array kOrdinary{DropReason::NoBinding,
                               DropReason::Filtered,
                               DropReason::TcpNotSyn,
                               DropReason::SynStoreFull,
                               DropReason::SynRepeated,
                               DropReason::SynExpired,
                               DropReason::SynSuperseded,
                               DropReason::PoolExhausted,
                               DropReason::SessionLimit,
                               DropReason::ClientSessionLimit,
                               DropReason::ClientPortLimit,
                               DropReason::ClientHalfOpenLimit,
                               DropReason::ClientRateLimit,
                               DropReason::NotInPool,
                               DropReason::BadQuotedPacket};

void read_counters(const Counters& counters, Outcome& outcome) {
    for (std::size_t i = 0; i < kDropReasonCount; ++i) {
        outcome.drops[i] = counters.drops[i].value();
        const bool ordinary =
            std::ranges::find(kOrdinary, static_cast<DropReason>(i)) != kOrdinary.end();
        if (!ordinary && outcome.drops[i] != 0)
            throw oracle::Broken{"good packets dropped: " + std::string{kDropReasons[i].label}};
    }
    for (const auto& sessions : counters.sessions_created)
        outcome.sessions += sessions.value();
}

} // namespace

Outcome run(const Plan& plan, const Progress& progress) {
    const auto internet = std::make_unique<Internet>(plan.napt, plan.crowd.seed, plan.start);
    Population population{plan.crowd, *internet};
    for (unsigned i = 1; i <= plan.inspections; ++i) {
        population.live(plan.start + plan.length * i / plan.inspections);
        internet->inspect();
        if (progress) progress(i, *internet);
    }
    population.fall_silent();
    internet->finish();

    Outcome outcome;
    outcome.tally = internet->tally();
    outcome.begun = population.begun();
    outcome.most_sessions = internet->book().most_sessions();
    read_counters(internet->counters(), outcome);
    return outcome;
}

} // namespace nat64::simulation
