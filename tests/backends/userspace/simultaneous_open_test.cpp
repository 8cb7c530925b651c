// SPDX-License-Identifier: Apache-2.0
// RFC 6146 §3.5.2.2, CLOSED and V4 INIT: SYNs from the IPv4 side that nobody has asked for are
// stored, because the other end may be about to send its own.
#include "tests/backends/userspace/userspace.hpp"

#include <doctest/doctest.h>

namespace nat64::test {

using enum L4Proto;

namespace {

const Endpoint4 kWanted{Ipv4Addr{192, 0, 2, 1}, Port{5000}};

NaptSettings address_dependent() {
    auto settings = small_settings();
    settings.filtering = Filtering::AddressDependent;
    return settings;
}

} // namespace

TEST_CASE(
    "RFC 6146 §3.5.2.2: a stored SYN that nobody claims comes back after 6 s, unchanged") {
    UserspaceNetwork net;
    CHECK(net.in(Tcp, kServer, kWanted, kSyn).verdict == "held");
    CHECK(net.sessions().empty());
    CHECK(net.bindings().empty());
    net.pass(3s);
    CHECK(net.in(Tcp, kServer, kWanted, kSyn).verdict == "syn_repeated"); // not extended
    net.pass(3s - 1ms);
    CHECK(net.notes.expired.empty());
    net.pass(101ms);
    REQUIRE(net.notes.expired.size() == 1);
    CHECK(net.notes.expired[0] == pattern(60, kServer.port.value()));
    CHECK(net.in(Tcp, kServer, kWanted, kSyn).verdict == "held");
}

TEST_CASE("RFC 6146 §3.5.2.2: expire() asks to be called when a stored SYN is due") {
    UserspaceNetwork net;
    REQUIRE(net.in(Tcp, kServer, kWanted, kSyn).verdict == "held");
    const auto next = net.backend->expire(net.clock.now(), {}, net.notes);
    CHECK(next >= net.clock.now() + 6s);
    CHECK(next <= net.clock.now() + 6s + 100ms);
}

TEST_CASE("RFC 6146 §3.5.2.2: a client over its limit leaves the stored SYN to be answered") {
    auto settings = small_settings();
    settings.limits.sessions_per_client = 1;
    UserspaceNetwork net{settings};
    REQUIRE(net.out(Udp, ep6(1), kServer).verdict == "ok");
    REQUIRE(net.in(Tcp, kServer, kWanted, kSyn).verdict == "held");
    CHECK(net.out(Tcp, ep6(1), kServer, kSyn).verdict != "ok");
    net.pass(7s);
    CHECK(net.notes.superseded == 0);
    CHECK(net.notes.expired.size() == 1);
}

TEST_CASE("RFC 6146 §3.5.2.2: a SYN to an address that is withheld by now is not claimed") {
    auto settings = small_settings();
    settings.pool = {pool_item("192.0.2.0/30")};
    UserspaceNetwork net{settings};
    REQUIRE(net.in(Tcp, kServer, kWanted, kSyn).verdict == "held");
    settings.withheld = {kWanted.address};
    REQUIRE(apply(*net.backend, settings, net.clock.now()).empty());
    const auto sent = net.out(Tcp, ep6(1), kServer, kSyn);
    REQUIRE(sent.verdict == "ok");
    CHECK(sent.binding->mapped4.address != kWanted.address);
}

TEST_CASE("RFC 6146 §3.5.2.2: a whole-host static claims no SYN to another address") {
    auto settings = small_settings();
    settings.statics = {{{}, {ep6(9).address, {}}, ep4("192.0.2.3")}};
    UserspaceNetwork net{settings};
    REQUIRE(net.in(Tcp, kServer, kWanted, kSyn).verdict == "held");
    const auto sent = net.out(Tcp, ep6(9), kServer, kSyn);
    REQUIRE(sent.verdict == "ok");
    CHECK(sent.binding->mapped4.address == v4("192.0.2.3"));
    CHECK(net.state() == "v6_init");
    net.pass(7s);
    CHECK(net.notes.superseded == 0);
    CHECK(net.notes.expired.size() == 1);
}

TEST_CASE("RFC 6146 §3.5.2.2: the client's SYN gets the transport address of the stored one") {
    UserspaceNetwork net;
    REQUIRE(net.in(Tcp, kServer, kWanted, kSyn).verdict == "held");
    const auto sent = net.out(Tcp, ep6(1), kServer, kSyn);
    REQUIRE(sent.verdict == "ok");
    CHECK(sent.binding->mapped4 == kWanted);
    CHECK(net.state() == "established");
    net.pass(10s);
    CHECK(net.notes.superseded == 1);
    CHECK(net.notes.expired.empty());
    CHECK(net.in(Tcp, kServer, kWanted, kSyn).verdict == "ok"); // repeated: passes now
}

TEST_CASE("RFC 6146 §3.5.2.2: SYNs of other servers and ports claim nothing") {
    UserspaceNetwork net;
    REQUIRE(net.in(Tcp, kServer, kWanted, kSyn).verdict == "held");
    CHECK(net.out(Tcp, ep6(1), ep4("203.0.113.5", 444), kSyn).binding->mapped4 != kWanted);
    CHECK(net.out(Tcp, ep6(2), ep4("203.0.113.6", 443), kSyn).binding->mapped4 != kWanted);
    // A client that is bound already keeps its binding.
    CHECK(net.out(Tcp, ep6(1), kServer, kSyn).binding->mapped4 != kWanted);
    CHECK(net.out(Udp, ep6(3), kServer).binding->mapped4 != kWanted);
    CHECK(net.notes.superseded == 0);
}

TEST_CASE("RFC 6146 §3.5.2.2: with address-dependent filtering a SYN to a binding is stored") {
    UserspaceNetwork net{address_dependent()};
    const auto other = ep4("198.51.100.1", 80);
    const auto mapped4 = net.out(Tcp, ep6(1), kServer, kSyn).binding->mapped4;
    CHECK(net.in(Tcp, other, mapped4, kAck).verdict == "filtered");
    CHECK(net.in(Tcp, other, mapped4, kSynAck).verdict == "filtered");
    CHECK(net.in(Tcp, other, mapped4, kSyn).verdict == "held");
    CHECK(net.in(Tcp, other, mapped4, kSyn).verdict == "syn_repeated"); // no way round
    CHECK(net.sessions().size() == 1);

    SUBCASE("and claimed by the client's own SYN") {
        CHECK(net.out(Tcp, ep6(1), other, kSyn).binding->mapped4 == mapped4);
        CHECK(net.sessions()[1].state == rfc6146::SessionState::Established);
        CHECK(net.in(Tcp, other, mapped4, kSyn).verdict == "ok");
        net.pass(7s);
        CHECK(net.notes.superseded == 1);
        CHECK(net.notes.expired.empty());
    }
    SUBCASE("and comes back otherwise") {
        net.pass(6s + 100ms);
        CHECK(net.notes.expired.size() == 1);
        CHECK(net.notes.superseded == 0);
    }
}

TEST_CASE("RFC 6146 §1.2.3: with a session to that address the SYN passes the filter") {
    UserspaceNetwork net{address_dependent()};
    const auto mapped4 = net.out(Tcp, ep6(1), kServer, kSyn).binding->mapped4;
    CHECK(net.in(Tcp, ep4("203.0.113.5", 9), mapped4, kSyn).verdict == "ok");
    CHECK(net.sessions().size() == 2);
}

TEST_CASE("RFC 5382 §4.3 REQ-4: a SYN whose repetition passes is not answered for as well") {
    const auto other = ep4("198.51.100.1", 9999);

    SUBCASE("since the client talks to that address by now") {
        UserspaceNetwork net{address_dependent()};
        const auto mapped4 = net.out(Tcp, ep6(1), kServer, kSyn).binding->mapped4;
        REQUIRE(net.in(Tcp, other, mapped4, kSyn).verdict == "held");
        REQUIRE(net.out(Tcp, ep6(1), ep4("198.51.100.1", 80), kSyn).verdict == "ok");
        CHECK(net.in(Tcp, other, mapped4, kSyn).verdict == "ok");
        net.pass(7s);
        CHECK(net.notes.superseded == 1);
        CHECK(net.notes.expired.empty());
    }
    SUBCASE("since another's SYN has given the client that port") {
        UserspaceNetwork net;
        REQUIRE(net.in(Tcp, kServer, kWanted, kSyn).verdict == "held");
        REQUIRE(net.in(Tcp, other, kWanted, kSyn).verdict == "held");
        REQUIRE(net.out(Tcp, ep6(1), kServer, kSyn).binding->mapped4 == kWanted);
        CHECK(net.in(Tcp, other, kWanted, kSyn).verdict == "ok");
        net.pass(7s);
        CHECK(net.notes.superseded == 2);
        CHECK(net.notes.expired.empty());
    }
    SUBCASE("but one to another port is") {
        UserspaceNetwork net{address_dependent()};
        const auto mapped4 = net.out(Tcp, ep6(1), kServer, kSyn).binding->mapped4;
        REQUIRE(net.in(Tcp, other, kWanted, kSyn).verdict == "held");
        REQUIRE(net.out(Tcp, ep6(1), ep4("198.51.100.1", 80), kSyn).verdict == "ok");
        CHECK(net.in(Tcp, other, mapped4, kSyn).verdict == "ok");
        net.pass(7s);
        CHECK(net.notes.superseded == 0);
        CHECK(net.notes.expired.size() == 1);
    }
}

TEST_CASE("RFC 6146 §5.3: a flood of SYNs is answered at once when the store is full") {
    UserspaceNetwork net;
    const auto mapped4 = net.out(Tcp, ep6(1), kServer, kSyn).binding->mapped4;
    unsigned held = 0;
    unsigned full = 0;
    for (unsigned i = 0; i < 1000; ++i) {
        const auto verdict =
            net.in(Tcp, ep4("198.51.100.1", 1 + i), ep4("192.0.2.1", 7000), kSyn).verdict;
        held += verdict == "held" ? 1U : 0U;
        full += verdict == "syn_store_full 3/3" ? 1U : 0U;
    }
    CHECK(held == 256);
    CHECK(full == 744);
    CHECK(net.in(Tcp, kServer, mapped4, kSynAck).verdict == "ok"); // others do not notice
    net.pass(7s);
    CHECK(net.notes.expired.size() == 256);
    CHECK(net.in(Tcp, ep4("198.51.100.1", 5000), ep4("192.0.2.1", 7000), kSyn).verdict ==
          "held");
}

} // namespace nat64::test
