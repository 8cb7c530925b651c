// SPDX-License-Identifier: Apache-2.0
// Counts that only grow, of counters that do not.
#include "backends/kernel/drop_totals.hpp"

#include <doctest/doctest.h>

namespace nat64::kernel {

namespace {

std::uint64_t of(const DropTotals& totals, DropReason reason) {
    return totals.sum()[static_cast<std::size_t>(reason)];
}

} // namespace

TEST_CASE("drop totals: what the kernel counts, by reason") {
    DropTotals totals;
    totals.saw(DropReason::InnerSource, 3);
    totals.saw(DropReason::NotOurs, 5);
    totals.saw(DropReason::InnerSource, 4);
    CHECK(of(totals, DropReason::InnerSource) == 4);
    CHECK(of(totals, DropReason::NotOurs) == 5);
    CHECK(of(totals, DropReason::OwnAddress) == 0);
}

TEST_CASE("drop totals: a counter that was reset goes on from where it was") {
    DropTotals totals;
    totals.saw(DropReason::InnerSource, 100);
    totals.saw(DropReason::InnerSource, 2);
    CHECK(of(totals, DropReason::InnerSource) == 102);
    totals.saw(DropReason::InnerSource, 7);
    CHECK(of(totals, DropReason::InnerSource) == 107);
    totals.saw(DropReason::InnerSource, 0);
    CHECK(of(totals, DropReason::InnerSource) == 107);
}

TEST_CASE("drop totals: counters of a new table are added, however far they have come") {
    DropTotals totals;
    totals.saw(DropReason::InnerSource, 5);
    totals.saw(DropReason::NotOurs, 1);
    totals.begin_anew();
    CHECK(of(totals, DropReason::InnerSource) == 5);
    totals.saw(DropReason::InnerSource, 9);
    CHECK(of(totals, DropReason::InnerSource) == 14);
    totals.begin_anew();
    totals.begin_anew();
    CHECK(of(totals, DropReason::InnerSource) == 14);
    CHECK(of(totals, DropReason::NotOurs) == 1);
}

TEST_CASE("drop totals: what a reading left out is as it was") {
    DropTotals totals;
    totals.saw(DropReason::InnerSource, 5);
    totals.saw(DropReason::NotOurs, 1);
    CHECK(of(totals, DropReason::InnerSource) == 5);
    totals.saw(DropReason::InnerSource, 6);
    CHECK(of(totals, DropReason::InnerSource) == 6);
}

} // namespace nat64::kernel
