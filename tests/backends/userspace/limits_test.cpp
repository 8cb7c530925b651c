// SPDX-License-Identifier: Apache-2.0
// RFC 6888 §3 REQ-2, REQ-4, REQ-8 and RFC 6146 §3.5.1.1, §5.3 as the whole backend keeps them:
// what runs out, who is told what, and that it comes back.
#include "tests/backends/userspace/userspace.hpp"

#include <map>
#include <set>

#include <doctest/doctest.h>

namespace nat64::test {

using enum L4Proto;

TEST_CASE(
    "RFC 6146 §3.5.1.1: no port left is answered with ICMPv6 1/3; established flows live") {
    auto settings = small_settings();
    settings.pool = {pool_item("192.0.2.1", 2000, 2099)};
    settings.limits.ports_per_client = 0;
    UserspaceNetwork net{settings};
    for (unsigned i = 0; i < 100; ++i)
        REQUIRE(net.out(Udp, ep6(1, 1024 + i), kServer).verdict == "ok");
    CHECK(net.out(Udp, ep6(1, 5000), kServer).verdict == "pool_exhausted 1/3");
    CHECK(net.out(Udp, ep6(2, 5000), kServer).verdict == "pool_exhausted 1/3");
    CHECK(net.out(Udp, ep6(1, 1024), kServer).verdict == "ok");
    CHECK(net.out(Udp, ep6(1, 1024), ep4("198.51.100.1", 1)).verdict == "ok");
    CHECK(net.out(Tcp, ep6(2, 5000), kServer, kSyn).verdict == "ok"); // another protocol
    CHECK(net.sessions().size() == 102);

    net.pass(301s);
    // RFC 6888 §3 REQ-8: the ports are free, but not yet.
    CHECK(net.out(Udp, ep6(2, 5000), kServer).verdict == "pool_exhausted 1/3");
    net.pass(240s);
    CHECK(net.out(Udp, ep6(2, 5000), kServer).verdict == "ok");
}

TEST_CASE("clients: each that has bindings is listed with what it holds, and no other") {
    UserspaceNetwork net{small_settings()};
    const auto clients = [&] {
        std::vector<ClientRow> rows;
        rows.reserve(10);
        CHECK_FALSE(net.backend->client_snapshot(0, {}, {}, rows));
        return rows;
    };
    CHECK(clients().empty());
    for (unsigned i = 0; i < 3; ++i)
        REQUIRE(net.out(Udp, ep6(1, 1024 + i), kServer).verdict == "ok");
    REQUIRE(net.out(Udp, ep6(1, 1024), ep4("198.51.100.1", 1)).verdict == "ok");
    REQUIRE(net.out(Tcp, ep6(2), kServer, kSyn).verdict == "ok");
    REQUIRE(clients().size() == 2);
    CHECK(clients()[0].client == Prefix6{ep6(1).address, 128});
    CHECK(clients()[0].sessions == 4);
    CHECK(clients()[0].ports == 3);
    CHECK(clients()[0].bindings == 3);
    std::vector<ClientRow> some;
    some.reserve(1);
    const auto next = net.backend->client_snapshot(0, {}, {}, some);
    REQUIRE(next);
    CHECK_FALSE(net.backend->client_snapshot(*next + 1, {}, {}, some));
    net.pass(3600s);
    CHECK(clients().empty());
}

TEST_CASE("limits.sessions: the table is full, says so, and is not full for ever") {
    auto settings = small_settings();
    settings.limits.sessions = 50;
    UserspaceNetwork net{settings};
    for (unsigned i = 0; i < 50; ++i)
        REQUIRE(net.out(Udp, ep6(i / 2, 1024 + i % 2), ep4("203.0.113.1", 1)).verdict == "ok");
    CHECK(net.out(Udp, ep6(99), kServer).verdict == "session_limit 1/3");
    CHECK(net.out(Udp, ep6(1, 1024), kServer).verdict == "session_limit 1/3");
    CHECK(net.out(Udp, ep6(1, 1024), ep4("203.0.113.1", 1)).verdict == "ok");
    const auto mapped4 = net.bindings()[0].mapped4;
    CHECK(net.in(Udp, ep4("198.51.100.1", 1), mapped4).verdict == "session_limit"); // no answer
    net.pass(301s);
    CHECK(net.sessions().empty());
    CHECK(net.out(Udp, ep6(99), kServer).verdict == "ok");
}

TEST_CASE(
    "RFC 6888 §3 REQ-4: a client's limits do not touch others, and end with its sessions") {
    auto settings = small_settings();
    settings.limits.sessions_per_client = 10;
    settings.limits.half_open_per_client = 4;
    UserspaceNetwork net{settings};
    for (unsigned i = 0; i < 4; ++i)
        REQUIRE(net.out(Tcp, ep6(1), ep4("203.0.113.1", 1 + i), kSyn).verdict == "ok");
    CHECK(net.out(Tcp, ep6(1), kServer, kSyn).verdict == "client_half_open_limit 1/1");
    CHECK(net.out(Udp, ep6(1), kServer).verdict == "ok");
    CHECK(net.out(Tcp, ep6(2), kServer, kSyn).verdict == "ok");

    // An answered SYN is half-open no more.
    const auto mapped4 = net.bindings(only(Tcp))[0].mapped4;
    REQUIRE(net.in(Tcp, ep4("203.0.113.1", 1), mapped4, kSynAck).verdict == "ok");
    CHECK(net.out(Tcp, ep6(1), kServer, kSyn).verdict == "ok");
    CHECK(net.out(Tcp, ep6(1), ep4("203.0.113.9", 1), kSyn).verdict ==
          "client_half_open_limit 1/1");
    // Nor is one that has timed out.
    net.pass(4min + 100ms);
    for (unsigned i = 0; i < 4; ++i)
        CHECK(net.out(Tcp, ep6(1), ep4("203.0.113.2", 1 + i), kSyn).verdict == "ok");
    CHECK(net.out(Tcp, ep6(1), ep4("203.0.113.2", 9), kSyn).verdict ==
          "client_half_open_limit 1/1");
}

TEST_CASE(
    "RFC 6146 §5.3: what outsiders open at a client's port never counts against the client") {
    auto settings = small_settings();
    settings.limits.sessions_per_client = 10;
    settings.limits.half_open_per_client = 4;
    settings.limits.new_sessions_per_second = 3;
    UserspaceNetwork net{settings};
    const auto tcp = net.out(Tcp, ep6(1), kServer, kSyn).binding->mapped4;
    const auto udp = net.out(Udp, ep6(1), kServer).binding->mapped4;
    const auto flood = [&](L4Proto protocol, const Endpoint4& mapped4) {
        std::map<std::string, int> verdicts;
        for (unsigned i = 0; i < 100; ++i)
            ++verdicts[net.in(protocol, ep4("198.51.100.1", 1 + i), mapped4, kSyn).verdict];
        return verdicts;
    };
    CHECK(flood(Tcp, tcp) ==
          std::map<std::string, int>{{"ok", 2}, {"client_half_open_limit", 98}});
    CHECK(flood(Udp, udp) ==
          std::map<std::string, int>{{"ok", 3}, {"client_session_limit", 97}});
    // The third of its three tokens is left to the client, and so are its own limits.
    CHECK(net.out(Tcp, ep6(1), ep4("203.0.113.6", 443), kSyn).verdict == "ok");
    CHECK(net.out(Udp, ep6(1), ep4("203.0.113.6", 443)).verdict == "client_rate_limit 1/1");
    net.pass(1s);
    CHECK(net.out(Tcp, ep6(1), ep4("203.0.113.7", 443), kSyn).verdict == "ok");
    CHECK(net.out(Tcp, ep6(1), ep4("203.0.113.8", 443), kSyn).verdict == "ok");
    CHECK(net.out(Tcp, ep6(1), ep4("203.0.113.9", 443), kSyn).verdict ==
          "client_half_open_limit 1/1");
    // All of it ends with its sessions.
    net.pass(10min);
    REQUIRE(net.sessions().empty());
    const auto again = net.out(Tcp, ep6(1), kServer, kSyn).binding->mapped4;
    CHECK(flood(Tcp, again)["ok"] == 2);
}

TEST_CASE("limits.half_open_per_client: a refused connection is not half-open any more") {
    auto settings = small_settings();
    settings.limits.half_open_per_client = 4;
    UserspaceNetwork net{settings};
    const auto mapped4 = net.out(Tcp, ep6(1), kServer, kSyn).binding->mapped4;
    REQUIRE(net.in(Tcp, kServer, mapped4, kRst).verdict == "ok");
    CHECK(net.state() == "v6_init"); // RFC 6146 §3.5.2.2: a RST changes nothing here
    for (unsigned i = 0; i < 100; ++i) {
        REQUIRE(net.out(Tcp, ep6(1), ep4("203.0.113.1", 1 + i), kSyn).verdict == "ok");
        REQUIRE(net.in(Tcp, ep4("203.0.113.1", 1 + i), mapped4, kRst).verdict == "ok");
    }
    // Three that nobody answers, and a refused one that tries again: four.
    for (unsigned i = 0; i < 3; ++i)
        REQUIRE(net.out(Tcp, ep6(1), ep4("203.0.113.2", 1 + i), kSyn).verdict == "ok");
    REQUIRE(net.out(Tcp, ep6(1), kServer, kSyn).verdict == "ok");
    CHECK(net.out(Tcp, ep6(1), ep4("203.0.113.3", 1), kSyn).verdict ==
          "client_half_open_limit 1/1");
    SUBCASE("the client's own RST is no answer") {
        net.out(Tcp, ep6(1), kServer, kRst);
        CHECK(net.out(Tcp, ep6(1), ep4("203.0.113.3", 1), kSyn).verdict ==
              "client_half_open_limit 1/1");
    }
    SUBCASE("what is not counted is not subtracted when it is established or ends") {
        REQUIRE(net.in(Tcp, ep4("203.0.113.1", 1), mapped4, kSynAck).verdict == "ok");
        net.pass(4min + 100ms);
        for (unsigned i = 0; i < 4; ++i)
            CHECK(net.out(Tcp, ep6(1), ep4("203.0.113.4", 1 + i), kSyn).verdict == "ok");
        CHECK(net.out(Tcp, ep6(1), ep4("203.0.113.4", 9), kSyn).verdict ==
              "client_half_open_limit 1/1");
    }
}

TEST_CASE(
    "limits.half_open_per_client: a client that refuses outsiders keeps their share free") {
    auto settings = small_settings();
    settings.limits.half_open_per_client = 2;
    UserspaceNetwork net{settings};
    const auto mapped4 = net.out(Tcp, ep6(1), kServer, kSyn).binding->mapped4;
    for (unsigned i = 0; i < 20; ++i) {
        REQUIRE(net.in(Tcp, ep4("198.51.100.1", 1 + i), mapped4, kSyn).verdict == "ok");
        REQUIRE(net.out(Tcp, ep6(1), ep4("198.51.100.1", 1 + i), kRst).verdict == "ok");
    }
    CHECK(net.in(Tcp, ep4("198.51.100.2", 1), mapped4, kSyn).verdict == "ok");
    CHECK(net.in(Tcp, ep4("198.51.100.2", 2), mapped4, kSyn).verdict ==
          "client_half_open_limit");
}

TEST_CASE("limits.half_open: of all clients; what is answered or over counts no more") {
    auto settings = small_settings();
    settings.limits.half_open = 3;
    UserspaceNetwork net{settings};
    for (unsigned i = 0; i < 3; ++i)
        REQUIRE(net.out(Tcp, ep6(1 + i), kServer, kSyn).verdict == "ok");
    CHECK(net.out(Tcp, ep6(9), kServer, kSyn).verdict == "half_open_limit 1/1");
    CHECK(net.out(Udp, ep6(9), kServer).verdict == "ok");
    CHECK(net.in(Tcp, kServer, net.bindings()[0].mapped4, kSynAck).verdict == "ok");
    CHECK(net.out(Tcp, ep6(9), kServer, kSyn).verdict == "ok");
    CHECK(net.out(Tcp, ep6(10), kServer, kSyn).verdict == "half_open_limit 1/1");
    net.pass(241s); // transitory
    CHECK(net.out(Tcp, ep6(10), kServer, kSyn).verdict == "ok");
}

TEST_CASE("RFC 6888 §3 REQ-4: limits count all of a client's prefix") {
    auto settings = small_settings();
    settings.limits.client_prefix = 64;
    settings.limits.ports_per_client = 3;
    UserspaceNetwork net{settings};
    for (unsigned host = 1; host <= 3; ++host)
        CHECK(net.out(Udp, ep6(host), kServer).verdict == "ok");
    CHECK(net.out(Udp, ep6(4), kServer).verdict == "client_port_limit 1/1");
}

TEST_CASE("limits.new_sessions_per_second: a client is slowed down, not its running sessions") {
    auto settings = small_settings();
    settings.limits.new_sessions_per_second = 5;
    UserspaceNetwork net{settings};
    for (unsigned i = 0; i < 5; ++i)
        REQUIRE(net.out(Udp, ep6(1), ep4("203.0.113.1", 1 + i)).verdict == "ok");
    CHECK(net.out(Udp, ep6(1), kServer).verdict == "client_rate_limit 1/1");
    CHECK(net.out(Udp, ep6(1), ep4("203.0.113.1", 1)).verdict == "ok");
    net.pass(200ms);
    CHECK(net.out(Udp, ep6(1), kServer).verdict == "ok");
}

TEST_CASE("RFC 6888 §3 REQ-2: a client keeps one public address, after a pause too") {
    auto settings = small_settings();
    settings.pool = {pool_item("192.0.2.0/28")};
    UserspaceNetwork net{settings};
    std::map<unsigned, Ipv4Addr> home;
    std::set<Ipv4Addr> used;
    for (int round = 0; round < 3; ++round) {
        for (unsigned i = 0; i < 600; ++i) {
            const unsigned host = i % 60;
            const auto protocol = static_cast<L4Proto>(i % 3);
            const auto sent = net.out(protocol, ep6(host, 1024 + i), kServer, kSyn);
            REQUIRE(sent.verdict == "ok");
            home.try_emplace(host, sent.binding->mapped4.address);
            CHECK(sent.binding->mapped4.address == home[host]);
            used.insert(home[host]);
        }
        net.pass(10min);
        CHECK(net.bindings().empty());
    }
    CHECK(used.size() > 10);
}

TEST_CASE("RFC 4787 §4.1 REQ-2: a client whose address is full gets ports of another") {
    auto settings = small_settings();
    settings.pool = {pool_item("192.0.2.0/31", 2000, 2009)};
    UserspaceNetwork net{settings};
    std::map<Ipv4Addr, int> got;
    for (unsigned i = 0; i < 20; ++i)
        ++got[net.out(Udp, ep6(1, 1024 + i), kServer).binding->mapped4.address];
    CHECK(got.size() == 2);
    CHECK(net.out(Udp, ep6(1, 5000), kServer).verdict == "pool_exhausted 1/3");
}

TEST_CASE("RFC 6888 §3 REQ-8: a client that comes back at once gets another port") {
    UserspaceNetwork net;
    std::set<Endpoint4> ports;
    for (unsigned i = 0; i < 50; ++i) {
        const auto mapped4 = net.out(Icmp, ep6(1), kServer).binding->mapped4;
        if (i % 2 == 1) CHECK_FALSE(ports.contains(mapped4)); // 60 s after the last
        ports = {mapped4};
        net.pass(61s);
        REQUIRE(net.bindings().empty());
    }
}

TEST_CASE("pool: usage, hold-back and clients are told for each address and protocol") {
    auto settings = small_settings();
    settings.pool = {pool_item("192.0.2.1", 2000, 2999)};
    UserspaceNetwork net{settings};
    net.out(Udp, ep6(1), kServer);
    net.out(Udp, ep6(2), kServer);
    net.out(Icmp, ep6(2), kServer);
    std::vector<PoolRow> rows;
    net.backend->pool_usage(rows);
    REQUIRE(rows.size() == 3);
    CHECK(rows[1].protocol == Udp);
    CHECK(rows[1].address == v4("192.0.2.1"));
    CHECK(rows[1].total == 1000);
    CHECK(rows[1].used == 2);
    CHECK(rows[1].clients == 2);
    CHECK(rows[2].used == 1);
    net.pass(61s);
    rows.clear();
    net.backend->pool_usage(rows);
    CHECK(rows[2].used == 0);
    CHECK(rows[2].held_back == 1);
    CHECK(rows[2].clients == 2);
    net.pass(10min);
    rows.clear();
    net.backend->pool_usage(rows);
    CHECK(rows[1].clients == 0);
    CHECK(rows[2].held_back == 0);
}

TEST_CASE("limits.sessions: none and too many are refused at the start") {
    auto settings = small_settings();
    settings.limits.sessions = 0;
    CHECK_THROWS_AS(UserspaceNetwork{settings}, std::length_error);
}

} // namespace nat64::test
