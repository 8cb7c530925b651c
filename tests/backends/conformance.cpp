// SPDX-License-Identifier: Apache-2.0
#include "tests/backends/conformance.hpp"

#include <set>

#include <doctest/doctest.h>

namespace nat64::test {

namespace {

using enum L4Proto;

constexpr L4Proto kAll[]{Tcp, Udp, Icmp};
const Endpoint4 kServer{Ipv4Addr{203, 0, 113, 5}, Port{443}};

TcpFlags opening(L4Proto protocol) {
    return protocol == Tcp ? kSyn : kNoFlags;
}

// What goes out comes back to the same client.
void check_round_trip(const NaptSettings& settings, const MakeBackend& make) {
    Network net{settings, make};
    for (const auto protocol : kAll) {
        CAPTURE(name_of(protocol));
        const auto sent = net.out(protocol, ep6(1), kServer, opening(protocol));
        REQUIRE(sent.verdict == "ok");
        CHECK(sent.binding->client6 == ep6(1));
        CHECK(net.backend->owns(sent.binding->mapped4.address));
        CHECK(net.backend->owns(protocol, sent.binding->mapped4));
        const auto reply = net.in(
            protocol, kServer, sent.binding->mapped4, protocol == Tcp ? kSynAck : kNoFlags);
        REQUIRE(reply.verdict == "ok");
        CHECK(reply.binding->client6 == ep6(1));
        CHECK(reply.binding->mapped4 == sent.binding->mapped4);
    }
}

// For the packet inside an ICMP error: found, and nothing comes of asking.
void check_asking(const NaptSettings& settings, const MakeBackend& make) {
    Network net{settings, make};
    for (const auto protocol : kAll) {
        CHECK(net.backend->owns(Ipv4Addr{203, 0, 113, 77}) == false);
        const auto sent = net.out(protocol, ep6(1), kServer, opening(protocol));
        REQUIRE(sent.verdict == "ok");
        const auto by_client = net.backend->find_by_client(protocol, ep6(1));
        REQUIRE(by_client);
        CHECK(by_client->mapped4 == sent.binding->mapped4);
        const auto by_mapped = net.backend->find_by_mapped(protocol, sent.binding->mapped4);
        REQUIRE(by_mapped);
        CHECK(by_mapped->client6 == ep6(1));
        CHECK_FALSE(net.backend->find_by_mapped(protocol, ep4("203.0.113.77", 1)));
    }
}

// Two clients are never one transport address.
void check_distinct(const NaptSettings& settings, const MakeBackend& make) {
    Network net{settings, make};
    std::set<Endpoint4> mapped;
    for (unsigned host = 1; host <= 50; ++host) {
        const auto sent = net.out(Udp, ep6(host), kServer);
        REQUIRE(sent.verdict == "ok");
        CHECK(mapped.insert(sent.binding->mapped4).second);
    }
}

void check_not_ours(const NaptSettings& settings, const MakeBackend& make) {
    Network net{settings, make};
    for (const auto protocol : kAll) {
        CHECK(net.in(protocol, kServer, ep4("203.0.113.77", 5000), opening(protocol)).verdict ==
              "not_in_pool");
    }
}

// prepare() changes nothing but speed, and hints that have become wrong do no harm.
void check_prepare(const NaptSettings& settings, const MakeBackend& make) {
    Network net{settings, make};
    std::vector<OutboundFlow> flows(20);
    for (unsigned i = 0; i < flows.size(); ++i) {
        flows[i].client6 = ep6(1 + i % 5);
        flows[i].server4 = kServer;
        flows[i].protocol = Udp;
    }
    net.backend->prepare(flows, {});
    std::set<Endpoint4> mapped;
    for (const auto& flow : flows) {
        const auto resolved = net.backend->resolve_outbound(flow, net.clock.now());
        REQUIRE(resolved);
        CHECK(resolved->client6 == flow.client6);
        mapped.insert(resolved->mapped4);
    }
    CHECK(mapped.size() == 5);
    std::vector<InboundFlow> replies(1);
    replies[0].server4 = kServer;
    replies[0].mapped4 = *mapped.begin();
    replies[0].protocol = Udp;
    net.backend->prepare(flows, replies);
    OwnedPacket packet{pattern(60)};
    for (const auto& flow : flows)
        CHECK(net.backend->resolve_outbound(flow, net.clock.now()));
    CHECK(net.backend->resolve_inbound(replies[0], packet.buffer(), net.clock.now()));
}

OutboundFlow outbound_flow(L4Proto protocol, const Endpoint6& client6) {
    OutboundFlow flow;
    flow.client6 = client6;
    flow.server4 = kServer;
    flow.protocol = protocol;
    flow.tcp = kAck;
    flow.bytes = 100;
    return flow;
}

InboundFlow inbound_flow(L4Proto protocol, const Endpoint4& mapped4) {
    InboundFlow flow;
    flow.server4 = kServer;
    flow.mapped4 = mapped4;
    flow.protocol = protocol;
    flow.tcp = kAck;
    flow.bytes = 100;
    return flow;
}

std::size_t refresh(Network& net, std::vector<OutboundFlow>& flows) {
    net.backend->prepare(flows, {});
    return net.backend->refresh_outbound(flows, net.clock.now());
}

std::size_t refresh(Network& net, std::vector<InboundFlow>& flows) {
    net.backend->prepare({}, flows);
    return net.backend->refresh_inbound(flows, net.clock.now());
}

// The short answer is the long one's, for the first flows up to one that is more than a
// refresh, of which nothing has come then.
void check_refresh(const NaptSettings& settings, const MakeBackend& make) {
    for (const auto protocol : {Tcp, Udp}) {
        CAPTURE(name_of(protocol));
        Network net{settings, make};
        std::vector<Endpoint4> mapped;
        for (unsigned host = 1; host <= 2; ++host) {
            const auto sent = net.out(protocol, ep6(host), kServer, opening(protocol));
            REQUIRE(sent.verdict == "ok");
            mapped.push_back(sent.binding->mapped4);
            REQUIRE(net.in(protocol, kServer, mapped.back(), kSynAck).verdict == "ok");
            REQUIRE(net.out(protocol, ep6(host), kServer, kAck).verdict == "ok");
        }
        std::vector<OutboundFlow> out;
        for (const unsigned host : {1U, 2U, 3U, 1U})
            out.push_back(outbound_flow(protocol, ep6(host)));
        CHECK(refresh(net, out) == 2);
        CHECK(out[0].mapped4 == mapped[0]);
        CHECK(out[1].mapped4 == mapped[1]);
        std::vector<InboundFlow> in;
        for (const auto& address : {mapped[1], mapped[0], ep4("203.0.113.77", 5000), mapped[0]})
            in.push_back(inbound_flow(protocol, address));
        REQUIRE(refresh(net, in) == 2);
        CHECK(*in[0].client6 == ep6(2));
        CHECK(*in[1].client6 == ep6(1));
        CHECK(net.bindings().size() == 2);
    }
}

// What is refreshed lasts as what is resolved does, no shorter and no longer.
void check_refresh_keeps(const NaptSettings& settings, const MakeBackend& make) {
    Network net{settings, make};
    const auto sent = net.out(Udp, ep6(1), kServer);
    REQUIRE(sent.verdict == "ok");
    std::vector out{outbound_flow(Udp, ep6(1))};
    std::vector in{inbound_flow(Udp, sent.binding->mapped4)};
    for (int i = 0; i < 4; ++i) {
        net.pass(4min);
        CHECK(refresh(net, out) == 1);
        net.pass(4min);
        CHECK(refresh(net, in) == 1);
    }
    net.pass(4min);
    CHECK(net.bindings().size() == 1);
    net.pass(2min);
    CHECK(net.bindings().empty());
    CHECK(refresh(net, out) == 0);
    CHECK(refresh(net, in) == 0);
}

void check_expire_says_when(const NaptSettings& settings, const MakeBackend& make) {
    Network net{settings, make};
    REQUIRE(net.out(Udp, ep6(1), kServer).verdict == "ok");
    CHECK(net.backend->expire(net.clock.now(), {}, net.notes) > net.clock.now());
}

// Rows of what is there, page by page, within the capacity and the budget.
void check_snapshot(const NaptSettings& settings, const MakeBackend& make) {
    Network net{settings, make};
    for (unsigned host = 1; host <= 50; ++host)
        REQUIRE(net.out(Udp, ep6(host), kServer).verdict == "ok");
    std::set<Endpoint6> seen;
    std::optional<Cursor> cursor = 0;
    for (int calls = 0; cursor && calls < 100'000; ++calls) {
        std::vector<BindingRow> rows;
        rows.reserve(7);
        cursor = net.backend->snapshot(*cursor, {}, {.slots = 5}, rows);
        CHECK(rows.size() <= 7);
        for (const auto& row : rows)
            CHECK(seen.insert(row.client6).second);
    }
    CHECK_FALSE(cursor);
    CHECK(seen.size() == 50);
}

// Pool rows in pieces are the rows of the whole, for every size of the pieces.
void check_pool_snapshot(const NaptSettings& settings, const MakeBackend& make) {
    const Network net{settings, make};
    std::vector<PoolRow> whole;
    net.backend->pool_usage(whole);
    REQUIRE_FALSE(whole.empty());
    for (const std::size_t size : {1U, 2U, 100U}) {
        std::vector<PoolRow> pieces;
        std::optional<Cursor> cursor = 0;
        while (cursor && pieces.size() <= whole.size()) {
            std::vector<PoolRow> rows;
            rows.reserve(size);
            cursor = net.backend->pool_snapshot(*cursor, {}, rows);
            CHECK(rows.size() <= size);
            pieces.insert(pieces.end(), rows.begin(), rows.end());
        }
        REQUIRE(pieces.size() == whole.size());
        for (std::size_t i = 0; i < whole.size(); ++i) {
            CHECK(pieces[i].address == whole[i].address);
            CHECK(pieces[i].protocol == whole[i].protocol);
        }
    }
    std::vector<PoolRow> none;
    none.reserve(1);
    CHECK_FALSE(net.backend->pool_snapshot(~Cursor{0}, {}, none));
    CHECK(none.empty());
}

// A mapping stays while it is used, and ends when it is not; events and counters agree.
void check_lifetime(const NaptSettings& settings, const MakeBackend& make) {
    Network net{settings, make};
    std::set<Endpoint4> mapped;
    for (int i = 0; i < 5; ++i) {
        const auto sent = net.out(Udp, ep6(1), kServer);
        REQUIRE(sent.verdict == "ok");
        mapped.insert(sent.binding->mapped4);
        REQUIRE(net.out(Icmp, ep6(2), kServer).verdict == "ok");
        net.pass(50s);
    }
    CHECK(mapped.size() == 1);
    CHECK(net.bindings().size() == 2);
    net.pass(3h); // longer than any timeout
    CHECK(net.bindings().empty());
    std::size_t made = 0;
    std::size_t ended = 0;
    for (const auto& event : net.notes.events) {
        made += event.kind == EventKind::BindingCreated ? 1U : 0U;
        ended += event.kind == EventKind::BindingDeleted ? 1U : 0U;
    }
    CHECK(made == 2);
    CHECK(ended == 2);
    for (const auto protocol : kAll) {
        const auto index = static_cast<std::size_t>(protocol);
        CHECK(net.counters.bindings_created[index].value() ==
              net.counters.bindings_deleted[index].value());
    }
}

// The policy is asked about what begins, with the same words in all backends.
void check_policy(const NaptSettings& settings, const MakeBackend& make) {
    Network net{settings, make};
    PolicySettings policy;
    policy.destinations_deny = {{Prefix4{kServer.address, 32}, Tcp}};
    policy.clients_deny = {Prefix6{ep6(9).address, 128}};
    const std::vector own{v4("198.51.100.1")};
    net.backend->exchange_policy(std::make_shared<const Policy>(policy, own));
    CHECK(net.out(Tcp, ep6(1), kServer).verdict == "destination_denied 1/1");
    CHECK(net.out(Udp, ep6(1), ep4("198.51.100.1", 53)).verdict == "own_address 1/1");
    CHECK(net.out(Udp, ep6(1), ep4("10.0.0.1", 53)).verdict == "private_destination 1/1");
    CHECK(net.out(Udp, ep6(9), kServer).verdict == "client_denied 1/1");
    CHECK(net.bindings().empty());
    CHECK(net.out(Udp, ep6(1), kServer).verdict == "ok");
}

// What another life of the backend knew is known again, and what contradicts it is refused.
void check_restore(const NaptSettings& settings, const MakeBackend& make) {
    Network before{settings, make};
    const auto sent = before.out(Udp, ep6(1), kServer);
    REQUIRE(sent.verdict == "ok");
    SessionRow row;
    row.protocol = Udp;
    row.state = rfc6146::SessionState::Active;
    row.client6 = ep6(1);
    row.mapped4 = sent.binding->mapped4;
    row.server4 = kServer;
    row.expires_in = 100s;
    Network net{settings, make, 2};
    REQUIRE(net.backend->restore(row, net.clock.now()));
    const auto reply = net.in(Udp, kServer, row.mapped4);
    REQUIRE(reply.verdict == "ok");
    CHECK(reply.binding->client6 == ep6(1));
    CHECK(net.out(Udp, ep6(1), kServer).binding->mapped4 == row.mapped4);
    row.client6 = ep6(2, row.client6.port.value());
    CHECK_FALSE(net.backend->restore(row, net.clock.now()));
    CHECK(net.bindings().size() == 1);
}

// A whole host of the configuration: from both sides, for ever, and nobody else's.
void check_static_host(NaptSettings settings, const MakeBackend& make) {
    settings.pool = {pool_item("192.0.2.0/30")};
    const auto address =
        Network{settings, make}.out(Udp, ep6(1), kServer).binding->mapped4.address;
    settings.statics = {{std::nullopt, ep6(7, 0), {address, Port{}}}};
    Network net{settings, make};
    for (int i = 0; i < 2; ++i) {
        for (const auto protocol : kAll) {
            CAPTURE(name_of(protocol));
            const auto came = net.in(protocol, kServer, {address, Port{80}}, opening(protocol));
            REQUIRE(came.verdict == "ok");
            CHECK(came.binding->client6 == ep6(7, 80));
            const auto sent = net.out(protocol, ep6(7, 81), kServer, opening(protocol));
            REQUIRE(sent.verdict == "ok");
            CHECK(sent.binding->mapped4 == Endpoint4{address, Port{81}});
        }
        net.pass(24h);
    }
    for (unsigned host = 10; host < 20; ++host) {
        const auto other = net.out(Udp, ep6(host), kServer);
        REQUIRE(other.binding);
        CHECK(other.binding->mapped4.address != address);
    }
}

void check_endpoint_independent_mapping(const NaptSettings& settings, const MakeBackend& make) {
    Network net{settings, make};
    for (const auto protocol : kAll) {
        const auto one = net.out(protocol, ep6(1), kServer, opening(protocol));
        const auto two = net.out(protocol, ep6(1), ep4("198.51.100.9", 80), opening(protocol));
        REQUIRE(one.verdict == "ok");
        REQUIRE(two.verdict == "ok");
        CHECK(one.binding->mapped4 == two.binding->mapped4);
    }
}

void check_lists_sessions(const NaptSettings& settings, const MakeBackend& make) {
    Network net{settings, make};
    REQUIRE(net.out(Udp, ep6(1), kServer).verdict == "ok");
    const auto rows = net.sessions();
    REQUIRE(rows.size() == 1);
    CHECK(rows[0].client6 == ep6(1));
    CHECK(rows[0].server4 == kServer);
    CHECK(rows[0].packets == 1);
    CHECK(rows[0].bytes == 100);
    CHECK(rows[0].expires_in > 0s);
}

void check_session_limits(NaptSettings settings, const MakeBackend& make) {
    settings.limits.sessions_per_client = 3;
    Network net{settings, make};
    for (unsigned port = 1; port <= 3; ++port)
        CHECK(net.out(Udp, ep6(1), ep4("203.0.113.5", port)).verdict == "ok");
    CHECK(net.out(Udp, ep6(1), ep4("203.0.113.5", 4)).verdict == "client_session_limit 1/1");
    CHECK(net.out(Udp, ep6(2), ep4("203.0.113.5", 4)).verdict == "ok");
}

void check_port_limits(NaptSettings settings, const MakeBackend& make) {
    settings.limits.ports_per_client = 2;
    Network net{settings, make};
    CHECK(net.out(Udp, ep6(1, 10), kServer).verdict == "ok");
    CHECK(net.out(Udp, ep6(1, 11), kServer).verdict == "ok");
    CHECK(net.out(Udp, ep6(1, 12), kServer).verdict == "client_port_limit 1/1");
}

} // namespace

void check_conformance(const NaptSettings& settings, const MakeBackend& make) {
    const auto can = Network{settings, make}.backend->capabilities();
    check_round_trip(settings, make);
    check_asking(settings, make);
    check_distinct(settings, make);
    check_not_ours(settings, make);
    check_prepare(settings, make);
    check_refresh(settings, make);
    check_refresh_keeps(settings, make);
    check_expire_says_when(settings, make);
    check_snapshot(settings, make);
    check_pool_snapshot(settings, make);
    check_lifetime(settings, make);
    check_policy(settings, make);
    check_restore(settings, make);
    check_static_host(settings, make);
    if (can.endpoint_independent_mapping) check_endpoint_independent_mapping(settings, make);
    if (can.lists_sessions) check_lists_sessions(settings, make);
    if (can.session_limits) check_session_limits(settings, make);
    if (can.port_limits) check_port_limits(settings, make);
}

} // namespace nat64::test
