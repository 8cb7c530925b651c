// SPDX-License-Identifier: Apache-2.0
// Plain packets have a way of their own through the translator (core/plain.hpp). A script is
// played twice: as it is, and with offload metadata that means nothing (CWR without
// segmentation), which only the general way accepts. What leaves must be the same.
#include "fuzz/script.hpp"
#include "fuzz/targets.hpp"
#include "fuzz/world.hpp"
#include "tests/oracle/expect.hpp"
#include "tests/support/describe.hpp"

#include <tuple>

namespace nat64::fuzz {

namespace {

Script generally(Script script) {
    for (auto& step : script.steps) {
        if (!step.has_offload) step.offload = {};
        step.has_offload = true;
        if (step.offload.segmentation == Segmentation::None) step.offload.tcp_cwr = true;
    }
    return script;
}

auto fields(const Offload& offload) {
    return std::tuple{offload.segmentation,
                      offload.tcp_cwr,
                      offload.partial_checksum,
                      offload.segment_size,
                      offload.checksum_start,
                      offload.checksum_offset};
}

} // namespace

void plain(View input) {
    const auto script = decode(input);
    World straight{script.world};
    World general{script.world};
    straight.play(script);
    general.play(generally(script));
    const auto& here = straight.sent();
    const auto& there = general.sent();
    oracle::expect(here.size() == there.size(), "both ways emit as many packets");
    for (std::size_t i = 0; i < here.size(); ++i) {
        if (here[i].bytes != there[i].bytes)
            oracle::expect_none("straight " + test::describe(here[i].bytes) + ", generally " +
                                test::describe(there[i].bytes));
        oracle::expect(fields(here[i].offload) == fields(there[i].offload), "same metadata");
    }
    straight.finish();
    general.finish();
}

} // namespace nat64::fuzz
