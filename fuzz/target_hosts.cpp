// SPDX-License-Identifier: Apache-2.0
// The map of inner addresses (core/pool/host_map) beside std::map.
#include "fuzz/input.hpp"
#include "fuzz/targets.hpp"
#include "tests/oracle/compared_hosts.hpp"
#include "tests/support/rng.hpp"

void nat64::fuzz::hosts(View bytes) {
    Input input{bytes};
    auto rng = test::seeded_rng(input.byte());
    oracle::ComparedHosts compared{rng};
    while (!input.empty())
        compared.step(input);
}
