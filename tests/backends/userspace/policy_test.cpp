// SPDX-License-Identifier: Apache-2.0
// Clients and destinations as the whole backend obeys them: asked once for a session, not for
// its packets, and asked anew when the policy changes.
#include "tests/backends/userspace/userspace.hpp"

#include <memory>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

namespace nat64::test {

namespace {

using enum L4Proto;

PolicySettings no_mail() {
    PolicySettings settings;
    settings.destinations_deny = {{Prefix4{}, Tcp, {Port{25}, Port{25}}}};
    return settings;
}

void impose(Network& net,
            const PolicySettings& settings,
            const std::vector<Ipv4Addr>& own = {v4("203.0.113.1")}) {
    net.backend->exchange_policy(std::make_shared<const Policy>(settings, own));
}

} // namespace

TEST_CASE("policy: what is forbidden is answered with ICMPv6 1/1 and leaves no state") {
    UserspaceNetwork net;
    auto settings = no_mail();
    settings.clients_deny = {Prefix6{ep6(7).address, 128}};
    impose(net, settings);
    CHECK(net.out(Tcp, ep6(1), ep4("198.51.100.1", 25)).verdict == "destination_denied 1/1");
    CHECK(net.out(Tcp, ep6(1), ep4("203.0.113.1", 22)).verdict == "own_address 1/1");
    CHECK(net.out(Udp, ep6(1), ep4("10.0.0.1", 53)).verdict == "private_destination 1/1");
    CHECK(net.out(Udp, ep6(7), ep4("198.51.100.1", 53)).verdict == "client_denied 1/1");
    CHECK(net.bindings().empty());
    REQUIRE(net.out(Tcp, ep6(1), ep4("198.51.100.1", 80)).verdict == "ok");
    // A binding opens no other doors, not even for a segment that opens no session.
    CHECK(net.out(Tcp, ep6(1), ep4("198.51.100.1", 25)).verdict == "destination_denied 1/1");
    CHECK(net.out(Tcp, ep6(1), ep4("203.0.113.1", 22), kAck).verdict == "own_address 1/1");
    CHECK(net.sessions().size() == 1);
}

TEST_CASE("policy: a destination that is denied cannot begin either; the machine itself can") {
    UserspaceNetwork net;
    auto settings = no_mail();
    settings.destinations_deny.push_back({Prefix4{v4("198.51.100.0"), 24}, {}});
    impose(net, settings);
    const auto sent = net.out(Udp, ep6(1), kServer);
    REQUIRE(sent.verdict == "ok");
    const auto mapped4 = sent.binding->mapped4;
    CHECK(net.in(Udp, ep4("198.51.100.1", 53), mapped4).verdict == "destination_denied 3/13");
    CHECK(net.in(Udp, ep4("10.0.0.1", 53), mapped4).verdict == "private_destination 3/13");
    CHECK(net.in(Udp, ep4("203.0.113.1", 53), mapped4).verdict == "ok");
    CHECK(net.out(Udp, ep6(1), ep4("203.0.113.1", 53)).verdict == "ok"); // its answer
    CHECK(net.out(Udp, ep6(1), ep4("203.0.113.1", 54)).verdict == "own_address 1/1");
}

TEST_CASE("policy: under another one, sessions that it forbids end, the others do not notice") {
    UserspaceNetwork net;
    impose(net, PolicySettings{});
    for (unsigned host = 1; host <= 300; ++host) {
        REQUIRE(net.out(Tcp, ep6(host), ep4("198.51.100.1", 25)).verdict == "ok");
        REQUIRE(net.out(Tcp, ep6(host), ep4("198.51.100.1", 80)).verdict == "ok");
        REQUIRE(net.out(Udp, ep6(host), ep4("198.51.100.2", 53)).verdict == "ok");
    }
    net.notes.events.clear();
    impose(net, no_mail(), {v4("198.51.100.2")});
    net.expire();
    CHECK(net.sessions().size() == 300);
    for (const auto& row : net.sessions())
        CHECK(row.server4 == ep4("198.51.100.1", 80));
    CHECK(net.bindings(only(Udp)).empty());
    REQUIRE(net.notes.events.size() == 900); // 600 sessions, 300 bindings of UDP
    CHECK(net.notes.events[0].reason == EventReason::Forbidden);
    CHECK(net.out(Tcp, ep6(1), ep4("198.51.100.1", 80), kAck).verdict == "ok");
    CHECK(net.out(Udp, ep6(1), ep4("198.51.100.2", 53)).verdict == "own_address 1/1");
}

TEST_CASE("policy: sessions are rechecked within the budget of a call") {
    UserspaceNetwork net;
    impose(net, PolicySettings{});
    for (unsigned host = 1; host <= 100; ++host)
        REQUIRE(net.out(Tcp, ep6(host), ep4("198.51.100.1", 25)).verdict == "ok");
    impose(net, no_mail());
    const auto next = net.backend->expire(net.clock.now(), {.slots = 20}, net.notes);
    CHECK(next <= net.clock.now()); // at once
    CHECK(net.sessions().size() >= 95);
    net.expire();
    CHECK(net.sessions().empty());
}

TEST_CASE("policy: a private pool is reached by its own clients") {
    auto settings = small_settings();
    settings.pool = {pool_item("10.1.2.0/30")};
    UserspaceNetwork net{settings};
    impose(net, PolicySettings{});
    const auto sent = net.out(Udp, ep6(1), kServer);
    REQUIRE(sent.verdict == "ok");
    CHECK(net.out(Udp, ep6(2), sent.binding->mapped4).verdict == "ok");
    CHECK(net.out(Udp, ep6(2), ep4("10.1.2.4", 53)).verdict == "private_destination 1/1");
    // The second half of a hairpin comes from the pool as well.
    const auto from = net.bindings().at(1).mapped4;
    CHECK(net.in(Udp, from, sent.binding->mapped4).verdict == "ok");
    CHECK(net.in(Udp, ep4("10.1.2.4", 53), sent.binding->mapped4).verdict ==
          "private_destination 3/13");
    CHECK(net.backend->inbound_ruling(ep6(1).address, Udp, from) == Ruling{});
    impose(net, PolicySettings{});
    net.expire();
    CHECK(net.sessions().size() == 3);
}

TEST_CASE("policy: a session that is forbidden by now is not restored") {
    UserspaceNetwork net;
    impose(net, no_mail());
    SessionRow row;
    row.protocol = Tcp;
    row.state = rfc6146::SessionState::Established;
    row.client6 = ep6(1);
    row.mapped4 = ep4("192.0.2.1", 5000);
    row.server4 = ep4("198.51.100.1", 25);
    row.expires_in = 1h;
    CHECK_FALSE(net.backend->restore(row, net.clock.now()));
    row.server4.port = Port{80};
    CHECK(net.backend->restore(row, net.clock.now()));
}

} // namespace nat64::test
