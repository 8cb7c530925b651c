// SPDX-License-Identifier: Apache-2.0
// The timer ring (core/tables) beside a std::map of deadlines.
#include "fuzz/input.hpp"
#include "fuzz/targets.hpp"
#include "tests/oracle/compared_timers.hpp"

void nat64::fuzz::timers(View bytes) {
    Input input{bytes};
    oracle::ComparedTimers compared;
    while (!input.empty())
        compared.step(input);
}
