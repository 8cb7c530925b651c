// SPDX-License-Identifier: Apache-2.0
// RFC 6146 §3.5.2: TCP sessions with their timers. The transitions themselves are tested as a
// table in tests/core/rfc6146/tcp_state_test.cpp.
#include "tests/backends/userspace/userspace.hpp"

#include <doctest/doctest.h>

namespace nat64::test {

using enum L4Proto;

namespace {

constexpr auto kEstablished = 124min;
constexpr auto kTransitory = 4min;

/// A network with one established session from client 1 to kServer.
struct Connected : UserspaceNetwork {
    Connected() {
        mapped4 = out(Tcp, ep6(1), kServer, kSyn).binding->mapped4;
        in(Tcp, kServer, mapped4, kSynAck);
        out(Tcp, ep6(1), kServer, kAck);
    }

    std::string v6(TcpFlags tcp) { return out(Tcp, ep6(1), kServer, tcp).verdict; }

    std::string v4(TcpFlags tcp) { return in(Tcp, kServer, mapped4, tcp).verdict; }

    Endpoint4 mapped4;
};

} // namespace

TEST_CASE(
    "RFC 6146 §3.5.2.2, CLOSED: only a SYN begins a session; the rest is silently dropped") {
    UserspaceNetwork net;
    for (const auto tcp : {kAck, kFin, kRst, kSynAck, kNoFlags})
        CHECK(net.out(Tcp, ep6(1), kServer, tcp).verdict == "tcp_not_syn");
    for (const auto tcp : {kAck, kFin, kRst, kSynAck, kNoFlags})
        CHECK(net.in(Tcp, kServer, ep4("192.0.2.1", 5000), tcp).verdict == "tcp_not_syn");
    CHECK(net.bindings().empty());
    CHECK(net.notes.events.empty());
}

TEST_CASE("RFC 6146 §3.5.2.2, CLOSED: a non-SYN with a binding passes without a session") {
    Connected net;
    CHECK(net.out(Tcp, ep6(1), ep4("198.51.100.1", 80), kAck).verdict == "ok");
    CHECK(net.in(Tcp, ep4("198.51.100.1", 80), net.mapped4, kAck).verdict == "ok");
    CHECK(net.in(Tcp, ep4("198.51.100.1", 80), net.mapped4, kSynAck).verdict == "ok");
    CHECK(net.sessions().size() == 1);
}

TEST_CASE("RFC 6146 §3.5.2.2, V6 INIT: lasts TCP_TRANS, renewed by a V6 SYN and nothing else") {
    UserspaceNetwork net;
    const auto mapped4 = net.out(Tcp, ep6(1), kServer, kSyn).binding->mapped4;
    CHECK(net.state() == "v6_init");
    net.pass(kTransitory - 1s);
    CHECK(net.out(Tcp, ep6(1), kServer, kSyn).verdict == "ok");
    net.pass(kTransitory - 1s);
    CHECK(net.state() == "v6_init");
    CHECK(net.out(Tcp, ep6(1), kServer, kAck).verdict == "ok");
    CHECK(net.in(Tcp, kServer, mapped4, kRst).verdict == "ok");
    net.pass(1s + 100ms);
    CHECK(net.sessions().empty());
    CHECK(net.bindings().empty());
    CHECK(net.notes.probes.empty());
}

TEST_CASE("RFC 6146 §3.5.2.2, V4 INIT: a SYN to an existing binding, then the client's SYN") {
    Connected net;
    const auto other = ep4("198.51.100.1", 80);
    CHECK(net.in(Tcp, other, net.mapped4, kSyn).verdict == "ok");
    REQUIRE(net.sessions().size() == 2);
    CHECK(net.sessions()[1].state == rfc6146::SessionState::V4Init);
    net.pass(kTransitory - 1s);
    CHECK(net.in(Tcp, other, net.mapped4, kSyn).verdict == "ok"); // does not renew
    net.pass(1s + 100ms);
    CHECK(net.sessions().size() == 1);
    CHECK(net.notes.expired.empty());

    CHECK(net.in(Tcp, other, net.mapped4, kSyn).verdict == "ok");
    CHECK(net.out(Tcp, ep6(1), other, kSynAck).verdict == "ok");
    REQUIRE(net.sessions().size() == 2);
    CHECK(net.sessions()[1].state == rfc6146::SessionState::Established);
}

TEST_CASE("RFC 6146 §3.5.2.2, ESTABLISHED: any packet renews TCP_EST") {
    Connected net;
    CHECK(net.state() == "established");
    for (int i = 0; i < 4; ++i) {
        net.pass(kEstablished - 1s);
        CHECK((i % 2 == 0 ? net.v6(kAck) : net.v4(kAck)) == "ok");
    }
    CHECK(net.state() == "established");
    CHECK(net.notes.probes.empty());
}

TEST_CASE(
    "RFC 6146 §3.5.2.2, ESTABLISHED: at expiry the client is probed, TRANS for TCP_TRANS") {
    Connected net;
    net.pass(kEstablished - 1ms);
    CHECK(net.state() == "established");
    net.pass(101ms);
    REQUIRE(net.notes.probes.size() == 1);
    CHECK(net.notes.probes[0].first == ep6(1));
    CHECK(net.notes.probes[0].second == kServer);
    CHECK(net.state() == "trans");
    net.pass(kTransitory - 1s);
    CHECK(net.state() == "trans");

    SUBCASE("an answer brings it back") {
        CHECK(net.v6(kAck) == "ok");
        CHECK(net.state() == "established");
        net.pass(kEstablished - 1s);
        CHECK(net.state() == "established");
    }
    SUBCASE("silence ends it, without a second probe") {
        net.pass(1s + 100ms);
        CHECK(net.sessions().empty());
        CHECK(net.bindings().empty());
        CHECK(net.notes.probes.size() == 1);
    }
    SUBCASE("a RST does not bring it back") {
        CHECK(net.v6(kRst) == "ok");
        net.pass(1s + 100ms);
        CHECK(net.sessions().empty());
    }
}

TEST_CASE("RFC 6146 §3.5.2.2, FIN: one FIN leaves the lifetime as it is, and renews it after") {
    for (const auto side : {rfc6146::Side::V4, rfc6146::Side::V6}) {
        Connected net;
        net.pass(10min);
        CHECK((side == rfc6146::Side::V4 ? net.v4(kFin) : net.v6(kFin)) == "ok");
        const auto state = side == rfc6146::Side::V4 ? "v4_fin_rcv" : "v6_fin_rcv";
        CHECK(net.state() == state);
        net.pass(kEstablished - 10min - 1s); // the FIN itself has not renewed it
        CHECK(net.state() == state);
        CHECK(net.v6(kAck) == "ok");
        net.pass(kEstablished - 1s);
        CHECK(net.state() == state);
        net.pass(1s + 100ms);
        CHECK(net.sessions().empty()); // removed, not probed
        CHECK(net.notes.probes.empty());
    }
}

TEST_CASE(
    "RFC 6146 §3.5.2.2, V4 FIN + V6 FIN: TCP_TRANS from the second FIN on, never renewed") {
    Connected net;
    net.v4(kFin);
    net.pass(10min);
    net.v6(kFin);
    CHECK(net.state() == "v4_fin_v6_fin_rcv");
    for (int i = 0; i < 23; ++i) {
        net.pass(10s);
        CHECK(net.v4(kAck) == "ok");
        CHECK(net.v6(kSynAck) == "ok");
        CHECK(net.state() == "v4_fin_v6_fin_rcv");
    }
    net.pass(10s + 100ms);
    CHECK(net.sessions().empty());
    CHECK(net.bindings().empty());
}

TEST_CASE("RFC 5382 §4 REQ-2: who connects again from the same port keeps the connection") {
    Connected net;
    net.v4(kFin);
    net.v6(kFin);
    net.pass(1min);
    CHECK(net.v6(kSyn) == "ok");
    CHECK(net.state() == "v6_init");
    OutboundFlow flow;
    flow.client6 = ep6(1);
    CHECK(net.backend->foresee(flow, net.clock.now()).use.half_open == 1);
    CHECK(net.v4(kSynAck) == "ok");
    CHECK(net.v6(kAck) == "ok");
    CHECK(net.state() == "established");
    net.pass(1h);
    CHECK(net.v4(kAck) == "ok");
    CHECK(net.v6(kAck) == "ok");
    CHECK(net.bindings().at(0).mapped4 == net.mapped4);
    CHECK(net.sessions().size() == 1);
}

TEST_CASE("RFC 5382 §4 REQ-2: a connection may be opened again from the other end") {
    Connected net;
    net.v4(kFin);
    net.v6(kFin);
    CHECK(net.v4(kSyn) == "ok");
    CHECK(net.state() == "v4_init");
    CHECK(net.v6(kSynAck) == "ok");
    CHECK(net.state() == "established");
}

TEST_CASE("RFC 6146 §3.5.2.2: a RST shortens the lifetime, the next packet undoes it") {
    Connected net;
    net.pass(1h);
    CHECK(net.v4(kRst) == "ok");
    CHECK(net.state() == "trans");
    SUBCASE("forged") {
        net.pass(3min);
        CHECK(net.v6(kAck) == "ok");
        CHECK(net.state() == "established");
        net.pass(1h);
        CHECK(net.state() == "established");
    }
    SUBCASE("real") {
        net.pass(kTransitory + 100ms);
        CHECK(net.sessions().empty());
    }
}

TEST_CASE("RFC 7857 §2.2: a RST behind a FIN ends the session in four minutes, too") {
    Connected net;
    net.v6(kFin);
    net.v4(kRst);
    CHECK(net.state() == "trans");
    net.pass(kTransitory + 100ms);
    CHECK(net.sessions().empty());
}

TEST_CASE("RFC 6146 §3.5.2.2: one established client may have many connections from one port") {
    Connected net;
    for (unsigned port = 1; port <= 200; ++port)
        REQUIRE(net.out(Tcp, ep6(1), ep4("198.51.100.1", port), kSyn).binding->mapped4 ==
                net.mapped4);
    CHECK(net.bindings().size() == 1);
    CHECK(net.bindings()[0].sessions == 201);
    net.pass(kTransitory + 100ms);
    CHECK(net.bindings()[0].sessions == 1);
    CHECK(net.state() == "established");
}

} // namespace nat64::test
