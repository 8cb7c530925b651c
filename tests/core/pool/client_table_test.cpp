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
    Totals totals;
    Client c{};
    c.ports = 3;
    CHECK(charge(c, totals, limits, {.port = true}, kNow) == DropReason::ClientPortLimit);
    CHECK_FALSE(charge(c, totals, limits, {.port = false}, kNow));
    c.own.half_open = 2;
    CHECK(charge(c, totals, limits, {.half_open = true}, kNow) ==
          DropReason::ClientHalfOpenLimit);
    CHECK_FALSE(charge(c, totals, limits, {}, kNow));
    c.own.sessions = 5;
    CHECK(charge(c, totals, limits, {}, kNow) == DropReason::ClientSessionLimit);
    limits = {.sessions_per_client = 0, .ports_per_client = 0, .half_open_per_client = 0};
    CHECK_FALSE(charge(c, totals, limits, {.port = true, .half_open = true}, kNow));
}

TEST_CASE("RFC 6146 §5.3: outsiders have half of a client's limits, beside the client's own") {
    const Limits limits{
        .sessions_per_client = 5, .half_open_per_client = 2, .new_sessions_per_second = 1};
    Totals totals;
    Client c{};
    c.bucket.filled = kNow;
    c.inbound = {.sessions = 2, .half_open = 0};
    CHECK_FALSE(
        charge(c, totals, limits, {.half_open = true, .inbound = true}, kNow)); // no token
    c.inbound.half_open = 1;
    CHECK(charge(c, totals, limits, {.half_open = true, .inbound = true}, kNow) ==
          DropReason::ClientHalfOpenLimit);
    CHECK_FALSE(charge(c, totals, limits, {.inbound = true}, kNow));
    c.inbound.sessions = 3;
    CHECK(charge(c, totals, limits, {.inbound = true}, kNow) == DropReason::ClientSessionLimit);
    c.inbound = {.sessions = 1000, .half_open = 1000};
    c.bucket.tokens = 10;
    CHECK_FALSE(charge(c, totals, limits, {.half_open = true}, kNow));
    const Limits none{.sessions_per_client = 0, .half_open_per_client = 0};
    CHECK_FALSE(charge(c, totals, none, {.half_open = true, .inbound = true}, kNow));
    c.inbound = {};
    const Limits one{.sessions_per_client = 1, .half_open_per_client = 1};
    CHECK_FALSE(charge(c, totals, one, {.half_open = true, .inbound = true}, kNow));
}

TEST_CASE("limits.new_sessions_per_second: a burst of one second, then the rate") {
    auto rng = test::seeded_rng(1);
    Limits limits;
    limits.new_sessions_per_second = 7;
    ClientTable table{4, 128, rng};
    auto& c = table[table.obtain(client(1), table.hash(client(1)), limits, kNow)];
    Totals totals;
    const auto granted = [&](std::uint32_t tick) {
        int n = 0;
        while (!charge(c, totals, limits, {}, Tick{tick}))
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

TEST_CASE("limits.half_open: of all clients, and half as many again from outside") {
    const Limits limits{.half_open = 10, .half_open_per_client = 4};
    Totals totals{.half_open = 10, .inbound_half_open = 4};
    Client c{};
    CHECK(charge(c, totals, limits, {.half_open = true}, kNow) == DropReason::HalfOpenLimit);
    CHECK_FALSE(charge(c, totals, limits, {}, kNow));
    CHECK_FALSE(charge(c, totals, limits, {.half_open = true, .inbound = true}, kNow));
    totals = {.half_open = 9, .inbound_half_open = 5};
    CHECK_FALSE(charge(c, totals, limits, {.half_open = true}, kNow));
    CHECK(charge(c, totals, limits, {.half_open = true, .inbound = true}, kNow) ==
          DropReason::HalfOpenLimit);
    c.own.half_open = 4; // the client's own limit comes first
    totals.half_open = 10;
    CHECK(charge(c, totals, limits, {.half_open = true}, kNow) ==
          DropReason::ClientHalfOpenLimit);
}

TEST_CASE("limits.new_sessions_per_second_in_all: one client's excess uses none of it up") {
    const Limits limits{.new_sessions_per_second_in_all = 10, .new_sessions_per_second = 4};
    Totals totals;
    totals.bucket = TokenBucket::full(10, kNow);
    Client greedy{};
    Client other{};
    for (auto* c : {&greedy, &other})
        c->bucket = TokenBucket::full(4, kNow);
    for (int i = 0; i < 100; ++i)
        CHECK(charge(greedy, totals, limits, {}, kNow) ==
              (i < 4 ? std::nullopt : std::optional{DropReason::ClientRateLimit}));
    for (int i = 0; i < 4; ++i)
        CHECK_FALSE(charge(other, totals, limits, {}, kNow));
    Client third{};
    third.bucket = TokenBucket::full(4, kNow);
    CHECK_FALSE(charge(third, totals, limits, {}, kNow));
    CHECK_FALSE(charge(third, totals, limits, {}, kNow));
    CHECK(charge(third, totals, limits, {}, kNow) == DropReason::RateLimit);
    CHECK_FALSE(charge(third, totals, limits, {.inbound = true}, kNow));
    CHECK(third.bucket.tokens == 20); // what is refused takes no token
}

TEST_CASE("limits.new_sessions_per_second_in_all: begins with a full second") {
    const Limits limits{.new_sessions_per_second_in_all = 3};
    Totals totals;
    Client c{};
    int granted = 0;
    while (!charge(c, totals, limits, {}, kNow))
        ++granted;
    CHECK(granted == 3);
}

} // namespace nat64::pool
