// SPDX-License-Identifier: Apache-2.0
#include "core/pool/address_pool.hpp"
#include "tests/support/rng.hpp"

#include <map>
#include <set>
#include <stdexcept>

#include <doctest/doctest.h>

namespace nat64::pool {

namespace {

using enum L4Proto;

constexpr Tick kNow{1000};

PoolItem item(const char* prefix, unsigned first = 1, unsigned last = 65535) {
    return {*Prefix4::parse(prefix),
            {Port{static_cast<std::uint16_t>(first)}, Port{static_cast<std::uint16_t>(last)}}};
}

Ipv4Addr v4(const char* text) {
    return *Ipv4Addr::parse(text);
}

} // namespace

TEST_CASE("pool: what is withheld is nobody's home and gives no port, until it is offered") {
    NaptSettings settings;
    settings.pool = {item("192.0.2.0/25")};
    auto rng = test::seeded_rng(1);
    AddressPool pool{settings, rng};
    const auto one = *pool.index_of(v4("192.0.2.9"));
    for (unsigned i = 8; i < 24; ++i)
        pool.withhold(Ipv4Addr{0xc0000200 + i});
    for (std::uint64_t i = 0; i < 1000; ++i) {
        const auto home = pool.home(i * 0x9e37'79b9'7f4a'7c15);
        REQUIRE(home.has_value());
        CHECK_FALSE(pool.is_withheld(*home));
    }
    // A client whose home it was gets the next one that there is, at once.
    const auto elsewhere = pool.allocate(Udp, Port{5000}, one, kNow);
    REQUIRE(elsewhere.has_value());
    CHECK(pool.address(elsewhere->address) == v4("192.0.2.24"));
    CHECK_FALSE(pool.gives_out(one, Port{5000}));
    pool.offer(v4("192.0.2.9"));
    CHECK(pool.gives_out(one, Port{5000}));
    CHECK(pool.allocate(Udp, Port{5000}, one, kNow)->address == one);
}

TEST_CASE("pool: whose home is withheld spreads over what is left, nobody else moves") {
    NaptSettings settings;
    settings.pool = {item("192.0.2.0/24")};
    auto rng = test::seeded_rng(1);
    AddressPool pool{settings, rng};
    test::Random random{7};
    constexpr unsigned kClients = 20'000;
    std::map<std::uint64_t, AddressIndex> homes;
    while (homes.size() < kClients) {
        const auto hash = random.bits();
        homes[hash] = pool.home(hash).value();
    }
    for (unsigned i = 3; i < 256; ++i)
        pool.withhold(Ipv4Addr{0xc0000200 + i});
    pool.withhold(Ipv4Addr{0xc0000203}); // twice is once
    pool.offer(Ipv4Addr{0xc0000245});
    std::map<AddressIndex, unsigned> clients;
    for (const auto& [hash, before] : homes) {
        const auto now = pool.home(hash).value();
        CHECK((now == before || pool.is_withheld(before)));
        ++clients[now];
    }
    CHECK(clients.size() == 4);
    for (const auto& [index, count] : clients) {
        CHECK_FALSE(pool.is_withheld(index));
        CHECK(count > kClients / 4 - kClients / 20);
        CHECK(count < kClients / 4 + kClients / 20);
    }
}

TEST_CASE("pool: withholding what gives no ports, or is not there, takes nothing away") {
    auto rng = test::seeded_rng(1);
    NaptSettings settings;
    settings.pool = {{*Prefix4::parse("192.0.2.0/30"), {Port{1024}, Port{65535}}}};
    settings.statics = {{std::nullopt,
                         {*Ipv6Addr::parse("2001:db8::1"), Port{}},
                         {Ipv4Addr{198, 51, 100, 1}, Port{}}}};
    AddressPool pool{settings, rng};
    const auto of_static = pool.index_of(Ipv4Addr{198, 51, 100, 1});
    REQUIRE(of_static);
    pool.withhold(Ipv4Addr{203, 0, 113, 1});
    pool.withhold(Ipv4Addr{198, 51, 100, 1});
    CHECK(pool.is_withheld(*of_static));
    for (std::uint64_t home = 0; home < 64; ++home) {
        const auto chosen = pool.home(home * 0x0400'0000'0000'0000);
        REQUIRE(chosen);
        CHECK(pool.allocate(L4Proto::Udp, Port{4000}, *chosen, Tick{}).has_value());
    }
    pool.offer(Ipv4Addr{198, 51, 100, 1});
    CHECK(!pool.is_withheld(*of_static));
}

TEST_CASE("pool: when all is withheld there is nothing to give") {
    NaptSettings settings;
    settings.pool = {item("192.0.2.0/31")};
    settings.withheld = {v4("192.0.2.0"), v4("192.0.2.1")};
    auto rng = test::seeded_rng(1);
    AddressPool pool{settings, rng};
    CHECK_FALSE(pool.home(0x1234'5678'9abc'def0).has_value());
    CHECK_FALSE(pool.allocate(Tcp, Port{5000}, 0, kNow).has_value());
}

TEST_CASE("pool: an index for each address of pool and statics, none for reserved ones") {
    NaptSettings settings;
    settings.pool = {item("192.0.2.0/30"), item("198.51.100.7", 2000, 2009)};
    settings.reserved = {v4("192.0.2.1")};
    settings.statics = {{Tcp, {}, {v4("203.0.113.9"), Port{80}}}};
    auto rng = test::seeded_rng(1);
    const AddressPool pool{settings, rng};
    CHECK(pool.size() == 5);
    for (const auto* a :
         {"192.0.2.0", "192.0.2.2", "192.0.2.3", "198.51.100.7", "203.0.113.9"}) {
        const auto index = pool.index_of(v4(a));
        REQUIRE(index);
        CHECK(pool.address(*index) == v4(a));
    }
    for (const auto* a :
         {"192.0.2.1", "192.0.2.4", "0.0.0.0", "255.255.255.255", "192.0.1.255"})
        CHECK_FALSE(pool.index_of(v4(a)));
    CHECK(pool.gives_out(*pool.index_of(v4("192.0.2.2")), Port{1}));
    CHECK_FALSE(pool.gives_out(*pool.index_of(v4("192.0.2.2")), Port{0}));
    CHECK(pool.gives_out(*pool.index_of(v4("198.51.100.7")), Port{2009}));
    CHECK_FALSE(pool.gives_out(*pool.index_of(v4("198.51.100.7")), Port{2010}));
    CHECK_FALSE(pool.gives_out(*pool.index_of(v4("203.0.113.9")), Port{80}));
}

TEST_CASE("pool: several items may give ports of one address") {
    NaptSettings settings;
    settings.pool = {item("192.0.2.1", 3000, 3001), item("192.0.2.1", 2000, 2001)};
    auto rng = test::seeded_rng(1);
    AddressPool pool{settings, rng};
    REQUIRE(pool.size() == 1);
    std::set<unsigned> got;
    while (const auto lease = pool.allocate(Udp, Port{40000}, 0, kNow))
        got.insert(lease->port.value());
    CHECK(got == std::set<unsigned>{2000, 2001, 3000, 3001});
}

TEST_CASE("RFC 6888 §3 REQ-2: homes are spread over the pool, and only over what gives ports") {
    NaptSettings settings;
    settings.pool = {item("192.0.2.0/29")};
    settings.statics = {{std::nullopt, {}, {v4("192.0.2.5"), {}}}}; // a whole host
    auto rng = test::seeded_rng(1);
    const AddressPool pool{settings, rng};
    std::map<AddressIndex, int> homes;
    test::Random random{4};
    for (int i = 0; i < 7000; ++i)
        ++homes[pool.home(random.bits()).value()];
    CHECK(homes.size() == 7);
    for (const auto& [home, clients] : homes) {
        CHECK(pool.address(home) != v4("192.0.2.5"));
        CHECK(clients > 800);
    }
}

TEST_CASE("RFC 4787 §4.1 REQ-2: the home's ports first, then the next address that has any") {
    NaptSettings settings;
    settings.pool = {item("192.0.2.0/30", 2000, 2003)};
    auto rng = test::seeded_rng(1);
    AddressPool pool{settings, rng};
    std::map<AddressIndex, int> got;
    for (int i = 0; i < 16; ++i) {
        const auto lease = pool.allocate(Udp, Port{40000}, 2, kNow);
        REQUIRE(lease);
        if (i < 4) CHECK(lease->address == 2);
        ++got[lease->address];
    }
    CHECK(got.size() == 4);
    CHECK_FALSE(pool.allocate(Udp, Port{40000}, 2, kNow));
    CHECK(pool.allocate(Tcp, Port{40000}, 2, kNow)); // the protocols are apart
    pool.release(0, Udp, Port{2000}, kNow);
    CHECK_FALSE(pool.allocate(Udp, Port{40000}, 2, kNow));
    const auto again = pool.allocate(Udp, Port{40000}, 2, Tick{kNow.count() + 2400});
    REQUIRE(again);
    CHECK(again->address == 0);
}

TEST_CASE("pool: an exhausted pool of many addresses is found exhausted in bounded steps") {
    NaptSettings settings;
    settings.pool = {item("192.0.2.0/24", 2000, 2000)};
    auto rng = test::seeded_rng(1);
    AddressPool pool{settings, rng};
    // Eight addresses are asked for each request, and what was found full is not asked again,
    // so every port is handed out after a few refusals.
    int got = 0;
    int refused = 0;
    while (refused < 64)
        if (pool.allocate(Udp, Port{1025}, 0, kNow))
            ++got;
        else
            ++refused;
    CHECK(got == 256);
}

TEST_CASE("pool: usage counts what can be given out") {
    NaptSettings settings;
    settings.pool = {item("192.0.2.1", 2000, 2003)};
    auto rng = test::seeded_rng(1);
    AddressPool pool{settings, rng};
    const auto lease = pool.allocate(Icmp, Port{1}, 0, kNow);
    REQUIRE(lease);
    CHECK(pool.usage(0, Icmp, kNow).total == 4);
    CHECK(pool.usage(0, Icmp, kNow).used == 1);
    pool.release(0, Icmp, lease->port, kNow);
    CHECK(pool.usage(0, Icmp, kNow).used == 0);
    CHECK(pool.usage(0, Icmp, kNow).held_back == 1);
    CHECK(pool.usage(0, Icmp, Tick{kNow.count() + 2400}).held_back == 0);
    CHECK(pool.usage(0, Udp, kNow).used == 0);
}

TEST_CASE("pool: no addresses, too many addresses") {
    NaptSettings settings;
    auto rng = test::seeded_rng(1);
    CHECK_FALSE(AddressPool(settings, rng).home(1));
    settings.pool = {item("10.0.0.0/8")};
    CHECK_THROWS_AS(AddressPool(settings, rng), std::length_error);
    settings.pool = {item("10.0.0.0/16")};
    AddressPool largest{settings, rng};
    CHECK(largest.size() == 65536);
    CHECK(largest.allocate(Udp, Port{1025}, 65535, kNow)->address == 65535);
}

} // namespace nat64::pool
