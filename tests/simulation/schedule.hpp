// SPDX-License-Identifier: Apache-2.0
// Who is to act when, in virtual time. Appointments of one instant are kept in the order in
// which they were made, so that a run depends on its seed alone.
#pragma once

#include "core/clock.hpp"

#include <cstdint>
#include <queue>
#include <tuple>
#include <vector>

namespace nat64::simulation {

class Schedule {
public:
    void add(Clock::time_point when, std::uint32_t who) { waiting_.push({when, made_++, who}); }

    [[nodiscard]] bool empty() const { return waiting_.empty(); }

    [[nodiscard]] Clock::time_point next() const { return waiting_.top().when; }

    std::uint32_t take() {
        const auto who = waiting_.top().who;
        waiting_.pop();
        return who;
    }

private:
    struct Appointment {
        Clock::time_point when;
        std::uint64_t number;
        std::uint32_t who;

        bool operator>(const Appointment& other) const {
            return std::tie(when, number) > std::tie(other.when, other.number);
        }
    };

    std::priority_queue<Appointment, std::vector<Appointment>, std::greater<>> waiting_;
    std::uint64_t made_ = 0;
};

} // namespace nat64::simulation
