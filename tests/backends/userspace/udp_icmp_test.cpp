// SPDX-License-Identifier: Apache-2.0
// RFC 6146 §3.5.1 (UDP) and §3.5.3 (ICMP queries).
#include "tests/backends/userspace/userspace.hpp"

#include <doctest/doctest.h>

namespace nat64::test {

using enum L4Proto;

namespace {

struct Kind {
    L4Proto protocol;
    Clock::duration lifetime;
};

const Kind kKinds[]{{Udp, 300s}, {Icmp, 60s}};

} // namespace

TEST_CASE("RFC 6146 §3.5.1, §3.5.3: a session ends after its lifetime, never before, at most a "
          "tick after") {
    for (const auto& [protocol, lifetime] : kKinds)
        for (const auto offset : {0ms, 1ms, 50ms, 99ms}) {
            CAPTURE(name_of(protocol));
            UserspaceNetwork net;
            net.clock.advance(offset);
            REQUIRE(net.out(protocol, ep6(1), kServer).verdict == "ok");
            net.pass(lifetime - 1ms);
            CHECK(net.sessions().size() == 1);
            net.pass(101ms);
            CHECK(net.sessions().empty());
            CHECK(net.bindings().empty());
        }
}

TEST_CASE("RFC 4787 §4.3 REQ-6: packets of both directions keep a session alive") {
    for (const auto& [protocol, lifetime] : kKinds) {
        UserspaceNetwork net;
        const auto mapped4 = net.out(protocol, ep6(1), kServer).binding->mapped4;
        for (int i = 0; i < 5; ++i) {
            net.pass(lifetime - 1s);
            CHECK(net.in(protocol, kServer, mapped4).verdict == "ok");
            net.pass(lifetime - 1s);
            CHECK(net.out(protocol, ep6(1), kServer).verdict == "ok");
        }
        CHECK(net.sessions()[0].packets == 11);
        CHECK(net.sessions()[0].bytes == 1100);
    }
}

TEST_CASE("RFC 6146 §3.5.1: a binding lives as long as its last session") {
    UserspaceNetwork net;
    const auto first = net.out(Udp, ep6(1), kServer).binding->mapped4;
    net.pass(200s);
    REQUIRE(net.out(Udp, ep6(1), ep4("198.51.100.1", 53)).verdict == "ok");
    net.pass(101s);
    CHECK(net.sessions().size() == 1);
    CHECK(net.bindings().size() == 1);
    // The first session anew, as a further one: same binding.
    CHECK(net.out(Udp, ep6(1), kServer).binding->mapped4 == first);
    CHECK(net.bindings()[0].sessions == 2);
    net.pass(301s);
    CHECK(net.bindings().empty());
}

TEST_CASE("RFC 6146 §3.5.1: without a binding a packet is dropped, with an ICMP error") {
    UserspaceNetwork net;
    CHECK(net.in(Udp, kServer, ep4("192.0.2.1", 5000)).verdict == "no_binding 3/3");
    CHECK(net.in(Icmp, kServer, ep4("192.0.2.1", 5000)).verdict == "no_binding 3/1");
    CHECK(net.in(Udp, kServer, ep4("192.0.2.2", 5000)).verdict == "not_in_pool");
    CHECK(net.in(Udp, kServer, ep4("192.0.2.1", 0)).verdict == "not_in_pool");
}

TEST_CASE("RFC 6146 §3.5.1, §3.5.3: endpoint-independent filtering lets anybody in") {
    UserspaceNetwork net;
    for (const auto protocol : {Udp, Icmp}) {
        const auto mapped4 = net.out(protocol, ep6(1), kServer).binding->mapped4;
        const auto reply = net.in(protocol, ep4("198.51.100.77", 7), mapped4);
        CHECK(reply.verdict == "ok");
        CHECK(reply.binding->client6 == ep6(1));
    }
    CHECK(net.sessions().size() == 4);
}

TEST_CASE("RFC 6146 §3.5.1, §3.5.3: address-dependent filtering looks at the address alone") {
    auto settings = small_settings();
    settings.filtering = Filtering::AddressDependent;
    UserspaceNetwork net{settings};
    for (const auto protocol : {Udp, Icmp}) {
        const auto mapped4 = net.out(protocol, ep6(1), kServer).binding->mapped4;
        CHECK(net.in(protocol, ep4("198.51.100.77", 443), mapped4).verdict == "filtered 3/13");
        CHECK(net.in(protocol, ep4("203.0.113.5", 9), mapped4).verdict == "ok");
        // The permission of a further session counts as well, and goes with it.
        REQUIRE(net.out(protocol, ep6(1), ep4("198.51.100.77", 1)).verdict == "ok");
        CHECK(net.in(protocol, ep4("198.51.100.77", 443), mapped4).verdict == "ok");
    }
    net.pass(150s); // the ICMP sessions are gone
    const auto mapped4 = net.bindings()[0].mapped4;
    net.out(Udp, ep6(1), kServer);
    net.pass(200s);
    CHECK(net.in(Udp, ep4("198.51.100.77", 443), mapped4).verdict == "filtered 3/13");
}

TEST_CASE("RFC 6146 §3.5.3: the identifier of an ICMP query is no part of its session") {
    UserspaceNetwork net;
    const auto sent = net.out(Icmp, ep6(1, 77), ep4("203.0.113.5", 77));
    REQUIRE(sent.verdict == "ok");
    const auto id = sent.binding->mapped4.port;
    CHECK(net.in(Icmp, {v4("203.0.113.5"), id}, sent.binding->mapped4).verdict == "ok");
    const auto rows = net.sessions();
    REQUIRE(rows.size() == 1);
    CHECK(rows[0].packets == 2);
    CHECK(rows[0].server4 == Endpoint4{v4("203.0.113.5"), id});
}

TEST_CASE("RFC 6146 §3.1: the three protocols have tables of their own") {
    UserspaceNetwork net;
    for (const auto protocol : {Tcp, Udp, Icmp})
        REQUIRE(net.out(protocol, ep6(1), kServer).verdict == "ok");
    CHECK(net.bindings().size() == 3);
    net.pass(61s);
    CHECK(net.bindings().size() == 2);
    net.pass(180s);
    CHECK(net.bindings().size() == 1);
}

} // namespace nat64::test
