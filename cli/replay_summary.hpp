// SPDX-License-Identifier: Apache-2.0
// What a replay did, in numbers: a table for a person, JSON for a program.
#pragma once

#include "core/clock.hpp"
#include "core/counters.hpp"

#include <cstdint>
#include <iosfwd>

namespace nat64::cli {

/// What happened to the frames of the capture before and behind the data path.
struct CaptureCounts {
    std::uint64_t frames = 0;
    std::uint64_t not_ip = 0;
    std::uint64_t truncated = 0; ///< cut short by the capture's snap length
    std::uint64_t too_long = 0;  ///< longer than an IP packet can be
    std::uint64_t written = 0;
    Clock::duration duration{}; ///< of virtual time
};

void print_table(const CaptureCounts& capture, const Counters& counters, std::ostream& out);

/// One line.
void print_json(const CaptureCounts& capture, const Counters& counters, std::ostream& out);

} // namespace nat64::cli
