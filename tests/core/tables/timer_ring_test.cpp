// SPDX-License-Identifier: Apache-2.0
// The ring by itself: what is due comes out, nothing else does, whatever the jumps of time.
#include "core/tables/timer_ring.hpp"
#include "tests/oracle/compared_timers.hpp"
#include "tests/support/rng.hpp"

#include <array>
#include <memory>
#include <set>

#include <doctest/doctest.h>

namespace nat64::tables {

namespace {

std::set<std::uint32_t> take_all(TimerRing& ring, Tick now) {
    std::set<std::uint32_t> all;
    std::array<std::uint32_t, 3> some{};
    for (;;) {
        const auto n = ring.take_due(now, some);
        all.insert(some.begin(), some.begin() + static_cast<std::ptrdiff_t>(n));
        if (n < some.size()) return all;
    }
}

} // namespace

TEST_CASE("timer ring: a node comes in its own tick, not before") {
    const auto ring = std::make_unique<TimerRing>(10);
    ring->link(3, Tick{1000});
    CHECK(ring->next() == Tick{1000});
    CHECK(take_all(*ring, Tick{999}).empty());
    CHECK(take_all(*ring, Tick{1000}) == std::set<std::uint32_t>{3});
    CHECK_FALSE(ring->linked(3));
    CHECK_FALSE(ring->next());
}

TEST_CASE("timer ring: a node that is unlinked does not come") {
    const auto ring = std::make_unique<TimerRing>(10);
    for (std::uint32_t i = 0; i < 5; ++i)
        ring->link(i, Tick{7});
    ring->unlink(4); // first
    ring->unlink(2); // middle
    ring->unlink(0); // last
    ring->unlink(0); // twice is harmless
    CHECK(take_all(*ring, Tick{7}) == std::set<std::uint32_t>{1, 3});
}

TEST_CASE("timer ring: a deadline beyond the ring is looked at earlier, at the ring's end") {
    const auto ring = std::make_unique<TimerRing>(1);
    ring->link(0, Tick{5 * TimerRing::kSlots});
    const auto next = ring->next();
    REQUIRE(next);
    CHECK(next->count() == TimerRing::kSlots - 1);
}

TEST_CASE("timer ring: it may begin at any time, seven years after boot too") {
    for (const std::uint32_t begin : {0x7FFFFFFFU, 0x80000000U, 0xC0000000U, 0xFFFFFFF0U}) {
        CAPTURE(begin);
        const auto ring = std::make_unique<TimerRing>(2);
        const Tick now{begin};
        CHECK(take_all(*ring, now).empty());
        ring->link(0, after(now, 20));
        CHECK(ring->next() == after(now, 20));
        CHECK(take_all(*ring, after(now, 19)).empty());
        CHECK(take_all(*ring, after(now, 20)) == std::set<std::uint32_t>{0});
    }
}

TEST_CASE("timer ring: what was linked before the first look comes, however late that is") {
    const auto ring = std::make_unique<TimerRing>(1);
    ring->link(0, Tick{0x90000000U});
    CHECK(take_all(*ring, Tick{0x90000000U}) == std::set<std::uint32_t>{0});
}

TEST_CASE("timer ring: ticks may wrap") {
    const auto ring = std::make_unique<TimerRing>(2);
    (void)take_all(*ring, Tick{0x7fff'ffff});
    (void)take_all(*ring, Tick{0xffff'fff0});
    ring->link(0, Tick{5});
    CHECK(take_all(*ring, Tick{4}).empty());
    CHECK(take_all(*ring, Tick{5}).size() == 1);
}

TEST_CASE("timer ring: like a sorted map, with refreshed, removed and far nodes and jumps") {
    oracle::ComparedTimers timers;
    test::Random random{11};
    for (int round = 0; round < 20000; ++round)
        timers.step(random);
}

} // namespace nat64::tables
