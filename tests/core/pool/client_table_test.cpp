// SPDX-License-Identifier: Apache-2.0
#include "core/pool/client_table.hpp"
#include "tests/support/rng.hpp"

#include <map>

#include <doctest/doctest.h>

namespace nat64::pool {

namespace {

constexpr Tick kNow{1000};

Ipv6Addr client(unsigned n, unsigned host = 0) {
    return Ipv6Addr::from_halves(0x2001'0db8'0000'0000 + n, host);
}

} // namespace

TEST_CASE("limits.client_prefix: addresses of one prefix are one client") {
    auto rng = test::seeded_rng(1);
    const Limits limits;
    ClientTable table{10, 64, rng};
    const auto obtain = [&](const Ipv6Addr& a) {
        return table.obtain(a, table.hash(a), limits, kNow);
    };
    CHECK(obtain(client(1, 1)) == obtain(client(1, 2)));
    CHECK(obtain(client(1, 1)) != obtain(client(2, 1)));
    CHECK(table.size() == 2);
}

TEST_CASE("clients: records come and go with their bindings, like in std::map") {
    auto rng = test::seeded_rng(1);
    test::Random random{2};
    const Limits limits;
    ClientTable table{50, 128, rng};
    std::map<unsigned, std::uint32_t> known;
    for (int i = 0; i < 20000; ++i) {
        const auto n = static_cast<unsigned>(random.between(0, 79));
        const auto id = table.obtain(client(n), table.hash(client(n)), limits, kNow);
        if (known.contains(n)) {
            REQUIRE(id == known[n]);
            REQUIRE(table[id].bindings == 1);
            table[id].bindings = 0;
            table.drop_if_idle(id);
            known.erase(n);
        } else if (known.size() == 50) {
            REQUIRE(id == ClientTable::kNone);
        } else {
            REQUIRE(id != ClientTable::kNone);
            REQUIRE(table[id].own.sessions == 0);
            table[id].bindings = 1;
            known[n] = id;
        }
        REQUIRE(table.size() == known.size());
    }
}

TEST_CASE("RFC 6888 §3 REQ-4: limits per client, each with its own reason, 0 for none") {
    Limits limits{.sessions_per_client = 5,
                  .ports_per_client = 3,
                  .half_open_per_client = 2,
                  .new_sessions_per_second = 0};
    Client c{};
    c.ports = 3;
    CHECK(charge(c, limits, {.port = true}, kNow) == DropReason::ClientPortLimit);
    CHECK_FALSE(charge(c, limits, {.port = false}, kNow));
    c.own.half_open = 2;
    CHECK(charge(c, limits, {.half_open = true}, kNow) == DropReason::ClientHalfOpenLimit);
    CHECK_FALSE(charge(c, limits, {}, kNow));
    c.own.sessions = 5;
    CHECK(charge(c, limits, {}, kNow) == DropReason::ClientSessionLimit);
    limits = {.sessions_per_client = 0, .ports_per_client = 0, .half_open_per_client = 0};
    CHECK_FALSE(charge(c, limits, {.port = true, .half_open = true}, kNow));
}

TEST_CASE("RFC 6146 §5.3: outsiders have half of a client's limits, beside the client's own") {
    const Limits limits{
        .sessions_per_client = 5, .half_open_per_client = 2, .new_sessions_per_second = 1};
    Client c{};
    c.filled = kNow;
    c.inbound = {.sessions = 2, .half_open = 0};
    CHECK_FALSE(charge(c, limits, {.half_open = true, .inbound = true}, kNow)); // no token
    c.inbound.half_open = 1;
    CHECK(charge(c, limits, {.half_open = true, .inbound = true}, kNow) ==
          DropReason::ClientHalfOpenLimit);
    CHECK_FALSE(charge(c, limits, {.inbound = true}, kNow));
    c.inbound.sessions = 3;
    CHECK(charge(c, limits, {.inbound = true}, kNow) == DropReason::ClientSessionLimit);
    c.inbound = {.sessions = 1000, .half_open = 1000};
    c.tokens = 10;
    CHECK_FALSE(charge(c, limits, {.half_open = true}, kNow));
    const Limits none{.sessions_per_client = 0, .half_open_per_client = 0};
    CHECK_FALSE(charge(c, none, {.half_open = true, .inbound = true}, kNow));
    c.inbound = {};
    const Limits one{.sessions_per_client = 1, .half_open_per_client = 1};
    CHECK_FALSE(charge(c, one, {.half_open = true, .inbound = true}, kNow));
}

TEST_CASE("limits.new_sessions_per_second: a burst of one second, then the rate") {
    auto rng = test::seeded_rng(1);
    Limits limits;
    limits.new_sessions_per_second = 7;
    ClientTable table{4, 128, rng};
    auto& c = table[table.obtain(client(1), table.hash(client(1)), limits, kNow)];
    const auto granted = [&](std::uint32_t tick) {
        int n = 0;
        while (!charge(c, limits, {}, Tick{tick}))
            ++n;
        return n;
    };
    CHECK(granted(1000) == 7);
    CHECK(granted(1001) == 0); // 0.7 of a session
    CHECK(granted(1002) == 1);
    int n = 0;
    for (std::uint32_t tick = 1003; tick <= 1102; ++tick)
        n += granted(tick);
    CHECK(n == 70);
    CHECK(granted(900'000) == 7); // saved up no further
}

} // namespace nat64::pool
