// SPDX-License-Identifier: Apache-2.0
// One address's ports: which one a client gets, when a freed one may be given out again, and a
// comparison with a naive allocator over seeded random operations.
#include "core/pool/port_set.hpp"
#include "core/tables/lazy_array.hpp"
#include "tests/oracle/compared_ports.hpp"
#include "tests/support/rng.hpp"

#include <array>
#include <set>
#include <vector>

#include <doctest/doctest.h>

namespace nat64::pool {

namespace {

using enum L4Proto;

constexpr Tick kNow{100000};

Tick later(std::uint32_t seconds) {
    return Tick{kNow.count() + seconds * 10};
}

PortRange range(unsigned first, unsigned last) {
    return {Port{static_cast<std::uint16_t>(first)}, Port{static_cast<std::uint16_t>(last)}};
}

struct Fixture {
    explicit Fixture(std::vector<PortRange> ranges) : mask{ranges} {}

    std::optional<Port> allocate(L4Proto protocol, unsigned client, Tick now = kNow) {
        return set().allocate(
            mask, protocol, Port{static_cast<std::uint16_t>(client)}, now, rng);
    }

    PortSet& set() { return sets[0]; }

    PortMask mask;
    tables::LazyArray<PortSet> sets{1};
    Rng rng = test::seeded_rng(1);
};

} // namespace

TEST_CASE("RFC 4787 §4.2.1: the client's port range is preserved") {
    Fixture f{{range(1, 65535)}};
    for (int i = 0; i < 200; ++i) {
        CHECK(f.allocate(Udp, 500)->value() < 1024);
        CHECK(f.allocate(Udp, 50000)->value() >= 1024);
    }
}

TEST_CASE("RFC 4787 §4.2.2: the client's port parity is preserved") {
    Fixture f{{range(1, 65535)}};
    for (int i = 0; i < 200; ++i) {
        CHECK(f.allocate(Udp, 40000)->value() % 2 == 0);
        CHECK(f.allocate(Udp, 40001)->value() % 2 == 1);
    }
}

TEST_CASE("RFC 6146 §3.5.1.1: range and parity give way before a packet is dropped") {
    Fixture f{{range(1000, 1031)}}; // 24 low ports, 8 high ones
    std::set<Port> got;
    for (int i = 0; i < 32; ++i) {
        const auto port = f.allocate(Udp, 40000);
        REQUIRE(port);
        if (i < 4) CHECK((port->value() >= 1024 && port->value() % 2 == 0));
        if (i >= 4 && i < 8) CHECK((port->value() >= 1024 && port->value() % 2 == 1));
        if (i >= 8 && i < 20) CHECK((port->value() < 1024 && port->value() % 2 == 0));
        got.insert(*port);
    }
    CHECK(got.size() == 32);
    CHECK_FALSE(f.allocate(Udp, 40000));
}

TEST_CASE("RFC 6146 §3.5.3: an ICMP identifier has neither range nor parity") {
    Fixture f{{range(1, 65535)}};
    std::array<int, 2> parity{};
    for (int i = 0; i < 400; ++i)
        ++parity[f.allocate(Icmp, 7)->value() % 2];
    CHECK(parity[0] > 100);
    CHECK(parity[1] > 100);
}

TEST_CASE("RFC 6056 §3.3: ports are spread over the range and differ from key to key") {
    std::set<std::uint16_t> starts;
    for (std::uint64_t seed = 0; seed < 64; ++seed) {
        Fixture f{{range(1, 65535)}};
        f.rng = test::seeded_rng(seed);
        starts.insert(f.allocate(Udp, 40000)->value());
    }
    CHECK(starts.size() > 60);
    CHECK(*starts.rbegin() - *starts.begin() > 48000);
}

TEST_CASE("pool: nothing outside the configured ranges is given out, everything inside is") {
    Fixture f{{range(1, 3), range(2000, 2001), range(65530, 65535)}};
    CHECK(f.mask.count() == 11);
    std::set<unsigned> got;
    while (const auto port = f.allocate(Tcp, 1025))
        got.insert(port->value());
    CHECK(got ==
          std::set<unsigned>{1, 2, 3, 2000, 2001, 65530, 65531, 65532, 65533, 65534, 65535});
    CHECK(f.set().used() == 11);
}

TEST_CASE("RFC 6888 §3 REQ-8: a freed UDP port is held back for 120 s at least") {
    Fixture f{{range(2000, 2000)}};
    for (const std::uint32_t freed_at : {0U, 7U, 119U, 120U, 121U, 500U}) {
        CAPTURE(freed_at);
        Fixture g{{range(2000, 2000)}};
        REQUIRE(g.allocate(Udp, 40000));
        g.set().release(g.mask, Port{2000}, later(freed_at));
        CHECK(g.set().held_back(later(freed_at)) == 1);
        CHECK(g.set().used() == 0);
        CHECK_FALSE(g.allocate(Udp, 40000, later(freed_at)));
        CHECK_FALSE(g.allocate(Udp, 40000, later(freed_at + 119)));
        CHECK_FALSE(g.allocate(Icmp, 40000, later(freed_at + 119)));
        CHECK(g.allocate(Udp, 40000, later(freed_at + 240)));
    }
}

TEST_CASE("RFC 6888 §3 REQ-8 A: TCP takes held ports, but only when nothing else is left") {
    Fixture f{{range(2000, 2003)}};
    const auto first = f.allocate(Tcp, 40000);
    REQUIRE(first);
    f.set().release(f.mask, *first, kNow);
    std::set<Port> others;
    for (int i = 0; i < 3; ++i)
        others.insert(*f.allocate(Tcp, 40000));
    CHECK_FALSE(others.contains(*first));
    CHECK(f.allocate(Tcp, 40000) == first);
    CHECK_FALSE(f.allocate(Tcp, 40000));
}

TEST_CASE("pool: a wanted port is taken once, held back or not, in the range or not") {
    Fixture f{{range(2000, 2003)}};
    CHECK(f.set().take(f.mask, Port{2000}));
    CHECK_FALSE(f.set().take(f.mask, Port{2000}));
    f.set().release(f.mask, Port{2000}, kNow);
    CHECK(f.set().held_back(kNow) == 1);
    CHECK(f.set().take(f.mask, Port{2000}));
    CHECK(f.set().held_back(kNow) == 0);
    CHECK(f.set().take(f.mask, Port{80}));
    CHECK(f.set().used() == 1); // counts only what could have been given out
    f.set().release(f.mask, Port{80}, kNow);
    CHECK(f.set().used() == 1);
    CHECK(f.set().held_back(kNow) == 0);
}

TEST_CASE("pool: like a naive allocator, over random allocations, releases and pauses") {
    for (std::uint64_t seed = 0; seed < 8; ++seed) {
        CAPTURE(seed);
        oracle::ComparedPorts ports{seed % 2 == 0 ? Udp : Tcp, test::seeded_rng(seed)};
        test::Random random{seed};
        for (int i = 0; i < 20000; ++i)
            ports.step(random);
    }
}

} // namespace nat64::pool
