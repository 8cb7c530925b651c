// SPDX-License-Identifier: Apache-2.0
// BIB and session table against std::map, by a seeded stream of random operations.
#include "core/rfc6146/bib.hpp"
#include "core/rfc6146/session_table.hpp"
#include "tests/oracle/compared_tables.hpp"
#include "tests/support/rng.hpp"

#include <vector>

#include <doctest/doctest.h>

namespace nat64::rfc6146 {

TEST_CASE("RFC 6146 §3.1: both sides find each binding, as with std::map") {
    oracle::ComparedTables tables;
    test::Random random{7};
    for (int i = 0; i < 60000; ++i) {
        tables.step(random);
        if (i % 2000 == 0) tables.check_all();
    }
    tables.check_all();
}

TEST_CASE("tables: a full BIB says no, and has room again when a binding goes") {
    Rng rng{Secret{3, 4}};
    Bib bib{100, 1, rng};
    std::vector<Endpoint6> clients;
    for (std::uint16_t i = 0; i < 100; ++i) {
        clients.push_back({Ipv6Addr{}, Port{i}});
        REQUIRE(bib.insert(bib.hash(L4Proto::Udp, clients.back()),
                           L4Proto::Udp,
                           clients.back(),
                           0,
                           Port{i}) != kNone);
    }
    const Endpoint6 late{Ipv6Addr{}, Port{100}};
    const auto hash = bib.hash(L4Proto::Udp, late);
    CHECK(bib.insert(hash, L4Proto::Udp, late, 0, Port{100}) == kNone);
    bib.erase(17);
    const auto slot = bib.insert(hash, L4Proto::Udp, late, 0, Port{100});
    CHECK(slot == 17);
    CHECK(bib[slot].generation == 2);
    CHECK(bib.high_water() == 100);
}

TEST_CASE("tables: a further session's slot is told from its predecessor by its generation") {
    Rng rng{Secret{5, 6}};
    Bib bib{10, 1, rng};
    SessionTable sessions{bib, 10, rng};
    const Endpoint6 client6{Ipv6Addr{}, Port{1}};
    const auto b =
        bib.insert(bib.hash(L4Proto::Udp, client6), L4Proto::Udp, client6, 0, Port{1});
    const Endpoint4 a{Ipv4Addr{1}, Port{1}};
    const Endpoint4 c{Ipv4Addr{2}, Port{2}};
    REQUIRE(sessions.insert(b, a) == b);
    const auto further = sessions.insert(b, c);
    REQUIRE(further == sessions.base());
    CHECK(sessions.generation(further) == 1);
    sessions.erase(further);
    CHECK_FALSE(sessions.exists(further));
    REQUIRE(sessions.insert(b, c) == further);
    CHECK(sessions.generation(further) == 2);
    // The first session's place is not used twice in one binding's life.
    sessions.erase(b);
    CHECK_FALSE(sessions.exists(b));
    CHECK(sessions.insert(b, a) > further);
    CHECK(sessions.count_of(b) == 2);
}

} // namespace nat64::rfc6146
