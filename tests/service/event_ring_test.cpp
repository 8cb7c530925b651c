// SPDX-License-Identifier: Apache-2.0
#include "service/event_ring.hpp"

#include <cstdint>
#include <thread>

#include <doctest/doctest.h>

namespace nat64::service {

namespace {

Event numbered(std::uint32_t n) {
    Event event;
    event.handle.slot = n;
    return event;
}

} // namespace

TEST_CASE("Event ring: events come out in the order they went in") {
    EventRing ring{8};
    Event event;
    CHECK_FALSE(ring.take(event));
    for (std::uint32_t round = 0; round < 5; ++round) {
        for (std::uint32_t i = 0; i < 7; ++i)
            ring.on_event(numbered(round * 7 + i));
        for (std::uint32_t i = 0; i < 7; ++i) {
            REQUIRE(ring.take(event));
            CHECK(event.handle.slot == round * 7 + i);
        }
        CHECK_FALSE(ring.take(event));
    }
    CHECK(ring.lost() == 0);
}

TEST_CASE("Event ring: a full ring loses the newest events and counts them") {
    EventRing ring{4};
    for (std::uint32_t i = 0; i < 10; ++i)
        ring.on_event(numbered(i));
    CHECK(ring.lost() == 6);
    Event event;
    for (std::uint32_t i = 0; i < 4; ++i) {
        REQUIRE(ring.take(event));
        CHECK(event.handle.slot == i);
    }
    CHECK_FALSE(ring.take(event));
}

TEST_CASE("Event ring: one thread writes while another reads, nothing is torn or repeated") {
    constexpr std::uint32_t kEvents = 200'000;
    EventRing ring{1024};
    const std::jthread writer{[&ring] {
        for (std::uint32_t i = 1; i <= kEvents; ++i) {
            auto event = numbered(i);
            event.handle.generation = ~i;
            ring.on_event(event);
        }
        // The last one must arrive, whatever was lost before.
        auto last = numbered(0);
        last.handle.generation = ~0U;
        for (auto lost = ring.lost();; lost = ring.lost()) {
            ring.on_event(last);
            if (ring.lost() == lost) break;
        }
    }};
    std::uint32_t previous = 0;
    std::uint64_t received = 0;
    for (Event event;;) {
        if (!ring.take(event)) continue;
        REQUIRE(event.handle.generation == ~event.handle.slot);
        if (event.handle.slot == 0) break;
        REQUIRE(event.handle.slot > previous);
        previous = event.handle.slot;
        ++received;
    }
    CHECK(received <= kEvents);
    CHECK(received + ring.lost() >= kEvents);
}

} // namespace nat64::service
