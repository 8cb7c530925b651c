// SPDX-License-Identifier: Apache-2.0
// Somebody who cannot leave it alone: now and then the operator reloads another configuration
// while packets are on their way. Whatever may change while the program runs does change, one
// thing at a time, back and forth.
#pragma once

#include "tests/simulation/internet.hpp"
#include "tests/support/rng.hpp"

#include <cstdint>

namespace nat64::simulation {

class Operator {
public:
    /// `hosts` as in Crowd: whose sessions are ended, who is denied.
    Operator(Internet& internet, std::uint32_t hosts, std::uint64_t seed)
        : internet_{internet}, first_{internet.in_force()}, hosts_{hosts}, random_{seed} {}

    /// One change of one kind, each as likely as another.
    void act();

private:
    void change_timeouts(InForce& wanted);
    void change_limits(InForce& wanted);
    void change_filtering(InForce& wanted);
    void change_pool(InForce& wanted);
    void change_rules(InForce& wanted);
    void change_statics(InForce& wanted);
    void change_translator(InForce& wanted);
    [[nodiscard]] Prefix6 some_clients();

    Internet& internet_;
    InForce first_; ///< what was configured in the beginning
    std::uint32_t hosts_;
    test::Random random_;
};

} // namespace nat64::simulation
