// SPDX-License-Identifier: Apache-2.0
// One function, two corpora: what a script begins with decides which way most packets go.
#include "fuzz/script.hpp"
#include "fuzz/targets.hpp"
#include "fuzz/world.hpp"

namespace nat64::fuzz {

namespace {

void translate(View input) {
    const auto script = decode(input);
    World world{script.world};
    world.play(script);
    world.finish();
}

} // namespace

void translate_6to4(View input) {
    translate(input);
}

void translate_4to6(View input) {
    translate(input);
}

} // namespace nat64::fuzz
