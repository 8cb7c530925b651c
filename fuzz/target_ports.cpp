// SPDX-License-Identifier: Apache-2.0
// The port allocator (core/pool/port_set) beside one that keeps plain sets.
#include "fuzz/input.hpp"
#include "fuzz/targets.hpp"
#include "tests/oracle/compared_ports.hpp"
#include "tests/support/rng.hpp"

void nat64::fuzz::ports(View bytes) {
    Input input{bytes};
    const auto protocol = static_cast<L4Proto>(input.between(0, 2));
    oracle::ComparedPorts compared{protocol, test::seeded_rng(input.byte())};
    while (!input.empty())
        compared.step(input);
}
