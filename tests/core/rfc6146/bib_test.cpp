// SPDX-License-Identifier: Apache-2.0
// BIB and session table against std::map, by a seeded stream of random operations.
#include "core/rfc6146/bib.hpp"
#include "core/rfc6146/session_table.hpp"
#include "tests/oracle/naive_tables.hpp"

#include <optional>
#include <vector>

#include <doctest/doctest.h>

namespace nat64::rfc6146 {

namespace {

constexpr std::size_t kBindings = 400;
constexpr std::size_t kSessions = 600;
constexpr std::uint16_t kAddresses = 3;

// Small numbers of everything, so that operations meet.
struct Draw {
    Rng rng{Secret{7, 8}};

    L4Proto protocol() { return static_cast<L4Proto>(rng.below(3)); }

    Endpoint6 client6() {
        Ipv6Addr::Bytes b{0x20, 0x01, 0x0d, 0xb8};
        b[15] = static_cast<std::uint8_t>(rng.below(20));
        return {Ipv6Addr{b}, port(16)};
    }

    Port port(std::uint32_t n) { return Port{static_cast<std::uint16_t>(rng.below(n))}; }

    std::uint16_t address() { return static_cast<std::uint16_t>(rng.below(kAddresses)); }

    Endpoint4 server4() { return {Ipv4Addr{0xcb007100 + rng.below(5)}, port(4)}; }
};

struct Tables {
    Rng rng{Secret{1, 2}};
    Bib bib{kBindings, kAddresses, rng};
    SessionTable sessions{bib, kSessions, rng};
    oracle::NaiveTables naive;

    std::uint32_t find(L4Proto protocol, const Endpoint6& client6) {
        return bib.find_client(bib.hash(protocol, client6), protocol, client6);
    }

    void bind(Draw& draw) {
        const auto protocol = draw.protocol();
        const auto client6 = draw.client6();
        const auto address = draw.address();
        const auto port = draw.port(300);
        const bool expected = naive.bind(protocol, client6, {address, port}, kBindings);
        const bool taken = find(protocol, client6) != kNone ||
                           bib.find_mapped(address, protocol, port) != kNone;
        const auto slot =
            taken ? kNone
                  : bib.insert(bib.hash(protocol, client6), protocol, client6, address, port);
        REQUIRE((slot != kNone) == expected);
    }

    void unbind(Draw& draw) {
        const auto protocol = draw.protocol();
        const auto client6 = draw.client6();
        const auto slot = find(protocol, client6);
        REQUIRE((slot != kNone) == naive.bound(protocol, client6));
        if (slot == kNone) return;
        REQUIRE(sessions.count_of(slot) == naive.sessions_of(protocol, client6));
        while (sessions.any_of(slot) != kNone)
            sessions.erase(sessions.any_of(slot));
        bib.erase(slot);
        naive.unbind(protocol, client6);
    }

    void toggle_session(Draw& draw) {
        const auto protocol = draw.protocol();
        const auto client6 = draw.client6();
        const auto server4 = draw.server4();
        const auto slot = find(protocol, client6);
        REQUIRE((slot != kNone) == naive.bound(protocol, client6));
        if (slot == kNone) return;
        const auto session = sessions.find(slot, server4);
        REQUIRE((session != kNone) == naive.has_session(protocol, client6, server4));
        REQUIRE(sessions.knows(slot, server4.address) ==
                naive.knows(protocol, client6, server4.address));
        if (session == kNone) {
            const bool room = naive.open(protocol, client6, server4, kSessions);
            REQUIRE((sessions.insert(slot, server4) != kNone) == room);
        } else {
            REQUIRE(sessions.binding_of(session) == slot);
            sessions.erase(session);
            naive.close(protocol, client6, server4);
        }
    }

    void check_all() {
        REQUIRE(bib.size() == naive.bindings());
        REQUIRE(sessions.size() == naive.sessions());
        for (const auto& [key, mapped] : naive.by_client()) {
            const auto slot = find(key.first, key.second);
            REQUIRE(slot != kNone);
            REQUIRE(bib[slot].client6() == key.second);
            REQUIRE(bib.find_mapped(mapped.first, key.first, mapped.second) == slot);
        }
    }
};

} // namespace

TEST_CASE("RFC 6146 §3.1: both sides find each binding, as with std::map") {
    Tables tables;
    Draw draw;
    for (int i = 0; i < 60000; ++i) {
        const auto what = draw.rng.below(10);
        if (what < 3)
            tables.bind(draw);
        else if (what < 4)
            tables.unbind(draw);
        else
            tables.toggle_session(draw);
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
