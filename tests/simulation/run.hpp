// SPDX-License-Identifier: Apache-2.0
// One simulation from beginning to end: so many hosts for so many days, everything checked
// throughout, and nothing left when the last of them has fallen silent.
#pragma once

#include "core/napt_settings.hpp"
#include "tests/simulation/internet.hpp"
#include "tests/simulation/population.hpp"

#include <chrono>
#include <functional>

namespace nat64::simulation {

struct Plan {
    NaptSettings napt; ///< with one pool item, which outsiders scan; or with inner_pool
    Crowd crowd;
    Clock::duration length = std::chrono::hours{24};
    unsigned inspections = 24; ///< of everything there is, in equal distances
    unsigned reloads = 0;      ///< between two inspections
    Clock::time_point start{std::chrono::hours{1}};
};

struct Outcome {
    Tally tally;
    std::array<std::uint64_t, kKindNames.size()> begun{};
    std::array<std::uint64_t, kDropReasonCount> drops{};
    std::size_t most_sessions = 0;
    std::uint64_t sessions = 0; ///< in all
};

/// Called after each inspection.
using Progress = std::function<void(unsigned inspection, const Internet&)>;

/// Throws oracle::Broken where something does not hold.
[[nodiscard]] Outcome run(const Plan& plan, const Progress& progress = {});

} // namespace nat64::simulation
