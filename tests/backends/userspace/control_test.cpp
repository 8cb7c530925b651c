// SPDX-License-Identifier: Apache-2.0
// Snapshot, restore, apply, touch and the event stream.
#include "tests/backends/userspace/userspace.hpp"

#include <algorithm>
#include <set>

#include <doctest/doctest.h>

namespace nat64::test {

using enum L4Proto;

namespace {

/// Sessions in many states, of many clients.
void populate(UserspaceNetwork& net) {
    for (unsigned i = 0; i < 60; ++i) {
        const auto protocol = static_cast<L4Proto>(i % 3);
        const auto server4 = ep4(i % 2 == 0 ? "203.0.113.5" : "198.51.100.7", 1 + i);
        const auto sent = net.out(protocol, ep6(i % 7, 2000 + i / 2), server4, kSyn);
        REQUIRE(sent.verdict == "ok");
        if (protocol == Tcp && i % 4 == 0) net.in(Tcp, server4, sent.binding->mapped4, kSynAck);
        net.pass(500ms);
    }
}

auto comparable(std::vector<SessionRow> rows) {
    std::ranges::sort(rows, {}, [](const SessionRow& r) {
        return std::tuple{r.protocol, r.client6, r.server4};
    });
    return rows;
}

std::string kinds(const Notes& notes) {
    std::string text;
    for (const auto& e : notes.events)
        text += "BbSCs"[static_cast<int>(e.kind)];
    return text;
}

} // namespace

TEST_CASE("snapshot: filters by protocol, client, server and mapped address") {
    UserspaceNetwork net;
    populate(net);
    const auto all = net.sessions();
    CHECK(all.size() == 60);
    for (const auto& row : net.sessions(only(Udp)))
        CHECK(row.protocol == Udp);
    CHECK(net.sessions(only(Udp)).size() == 20);
    Filter servers;
    servers.server = Prefix4{v4("198.51.100.0"), 24};
    CHECK(net.sessions(servers).size() == 30);
    Filter one;
    one.client = Prefix6{ep6(3).address, 128};
    CHECK_FALSE(net.sessions(one).empty());
    for (const auto& row : net.sessions(one))
        CHECK(row.client6.address == ep6(3).address);
    Filter mapped;
    mapped.mapped = Prefix4{v4("192.0.2.2"), 32};
    CHECK(net.sessions(mapped).empty());
    mapped.mapped = Prefix4{v4("192.0.2.1"), 32};
    CHECK(net.sessions(mapped).size() == 60);
    CHECK(net.bindings(only(Tcp)).size() < net.bindings().size());
}

TEST_CASE("snapshot: pages add up to the whole, and stay within capacity and budget") {
    UserspaceNetwork net;
    populate(net);
    std::set<std::pair<std::uint32_t, std::uint32_t>> seen;
    std::optional<Cursor> cursor = 0;
    int calls = 0;
    while (cursor) {
        std::vector<SessionRow> rows;
        rows.reserve(9);
        cursor = net.backend->snapshot(*cursor, {}, {.slots = 4}, net.clock.now(), rows);
        CHECK(rows.size() <= 4);
        for (const auto& row : rows)
            CHECK(seen.emplace(row.handle.slot, row.handle.generation).second);
        ++calls;
    }
    CHECK(seen.size() == 60);
    CHECK(calls >= 15);
    std::vector<SessionRow> rows;
    rows.reserve(7);
    CHECK(net.backend->snapshot(0, {}, {}, net.clock.now(), rows) == Cursor{7});
    CHECK(rows.size() == 7);
    rows.clear();
    CHECK_FALSE(net.backend->snapshot(~Cursor{0}, {}, {}, net.clock.now(), rows));
}

TEST_CASE("restore: a snapshot put into an empty backend is the same snapshot") {
    UserspaceNetwork net;
    populate(net);
    const auto before = comparable(net.sessions());
    UserspaceNetwork other{small_settings(), 2};
    other.clock.advance(77min); // its clock has another beginning
    for (const auto& row : before)
        REQUIRE(other.backend->restore(row, other.clock.now()));
    const auto after = comparable(other.sessions());
    REQUIRE(after.size() == before.size());
    for (std::size_t i = 0; i < before.size(); ++i) {
        CHECK(after[i].state == before[i].state);
        CHECK(after[i].mapped4 == before[i].mapped4);
        CHECK(after[i].packets == before[i].packets);
        CHECK(after[i].bytes == before[i].bytes);
        CHECK(after[i].expires_in >= before[i].expires_in);
        CHECK(after[i].expires_in <= before[i].expires_in + 200ms);
    }
    CHECK(other.bindings().size() == net.bindings().size());
    net.pass(301s);
    other.pass(301s + 200ms);
    CHECK(other.sessions().size() == net.sessions().size());
}

TEST_CASE("restore: what conflicts is refused and changes nothing") {
    UserspaceNetwork net;
    const auto mapped4 = net.out(Udp, ep6(1), kServer).binding->mapped4;
    const auto row = net.sessions()[0];
    const auto refused = [&](auto change) {
        auto r = row;
        change(r);
        const auto result = net.backend->restore(r, net.clock.now());
        return result ? std::string{"accepted"} : std::string{result.error()};
    };
    CHECK(refused([](auto&) {}) == "this session is there already");
    CHECK(refused([](auto& r) { r.client6 = ep6(2); }) ==
          "its transport address belongs to another client");
    CHECK(refused([](auto& r) { r.mapped4.port = Port{9}; }) ==
          "its client is bound to another transport address");
    CHECK(refused([](auto& r) { r.mapped4 = ep4("203.0.113.1", 9); }) ==
          "not a port of the pool");
    CHECK(refused([](auto& r) { r.state = rfc6146::SessionState::Established; }) ==
          "state is none of its protocol");
    CHECK(refused([](auto& r) { r.client6.address = *Ipv6Addr::parse("64:ff9b::c000:201"); }) ==
          "its client cannot be behind this translator");
    CHECK(net.sessions().size() == 1);
    CHECK(refused([](auto& r) { r.server4.port = Port{9}; }) == "accepted");
    CHECK(net.bindings()[0].sessions == 2);
    CHECK(net.bindings()[0].mapped4 == mapped4);
}

TEST_CASE("restore: is not slowed down by the client's rate limit") {
    auto settings = small_settings();
    settings.limits.new_sessions_per_second = 1;
    UserspaceNetwork net{settings};
    SessionRow row;
    row.protocol = Udp;
    row.client6 = ep6(1);
    row.mapped4 = ep4("192.0.2.1", 5000);
    row.expires_in = 100s;
    for (unsigned i = 1; i <= 20; ++i) {
        row.server4 = ep4("203.0.113.5", i);
        CHECK(net.backend->restore(row, net.clock.now()));
    }
    net.pass(100s - 1ms);
    CHECK(net.sessions().size() == 20);
    net.pass(300ms);
    CHECK(net.sessions().empty());
}

TEST_CASE("apply: what cannot change while running is named, and then nothing changes") {
    UserspaceNetwork net;
    auto settings = small_settings();
    settings.timeouts.udp = 150s;
    settings.pool = {pool_item("192.0.2.2")};
    settings.prefix =
        rfc6052::Nat64Prefix::from(Prefix6::parse("2001:db8::/96").value()).value();
    settings.limits.sessions = 5;
    settings.limits.client_prefix = 64;
    settings.reserved = {v4("192.0.2.9")};
    const auto fixed = test::apply(*net.backend, settings, net.clock.now());
    CHECK(fixed == std::vector<std::string_view>{
                       "prefix", "pool", "gateway", "limits.sessions", "limits.client_prefix"});
    net.out(Udp, ep6(1), kServer);
    net.pass(299s);
    CHECK(net.sessions().size() == 1);
    settings = small_settings();
    settings.statics = {{std::nullopt, ep6(6), ep4("192.0.2.1")}};
    CHECK(test::apply(*net.backend, settings, net.clock.now()) ==
          std::vector<std::string_view>{"static"});
}

TEST_CASE("apply: changed timeouts hold for sessions that are there already") {
    for (const auto udp : {130s, 300s, 3000s}) {
        CAPTURE(udp.count());
        UserspaceNetwork net;
        for (unsigned i = 0; i < 100; ++i)
            REQUIRE(net.out(Udp, ep6(i), kServer).verdict == "ok");
        net.pass(100s);
        auto settings = small_settings();
        settings.timeouts.udp = udp;
        REQUIRE(test::apply(*net.backend, settings, net.clock.now()).empty());
        // The work is spread over calls, which say that there is more to do.
        int calls = 1;
        while (net.backend->expire(net.clock.now(), {.slots = 10}, net.notes) <=
               net.clock.now())
            ++calls;
        CHECK(calls >= (udp < 300s ? 10 : 1));
        net.pass(udp - 100s - 1ms);
        CHECK(net.sessions().size() == 100);
        net.pass(101ms);
        CHECK(net.sessions().empty());
    }
}

TEST_CASE("apply: sessions of withheld addresses end, their clients go on with another one") {
    auto settings = small_settings();
    settings.pool = {pool_item("192.0.2.0/29")};
    UserspaceNetwork net{settings};
    for (unsigned i = 0; i < 64; ++i)
        REQUIRE(net.out(Udp, ep6(i), kServer).verdict == "ok");
    const auto before = net.sessions();
    const auto gone = before.front().mapped4.address;
    const auto client6 = before.front().client6;
    settings.withheld = {gone};
    REQUIRE(test::apply(*net.backend, settings, net.clock.now()).empty());
    CHECK_FALSE(net.backend->owns(gone));
    net.pass(100ms);
    Filter there;
    there.mapped = Prefix4{gone, 32};
    CHECK(net.sessions(there).empty());
    const auto kept = std::ranges::count_if(
        before, [&](const SessionRow& row) { return row.mapped4.address != gone; });
    CHECK(net.sessions().size() == static_cast<std::size_t>(kept));
    CHECK(net.notes.events.back().reason == EventReason::PoolChanged);
    const auto again = net.out(Udp, client6, kServer);
    REQUIRE(again.verdict == "ok");
    CHECK(again.binding->mapped4.address != gone);
    std::vector<PoolRow> rows;
    net.backend->pool_usage(rows);
    CHECK(rows.size() == 7 * kL4ProtoCount);

    settings.withheld.clear();
    REQUIRE(test::apply(*net.backend, settings, net.clock.now()).empty());
    CHECK(net.backend->owns(gone));
    // Who has found another address stays there.
    CHECK(net.out(Udp, {client6.address, Port{9}}, kServer).binding->mapped4.address ==
          again.binding->mapped4.address);
}

TEST_CASE("apply: filtering and limits change at once") {
    UserspaceNetwork net;
    const auto mapped4 = net.out(Udp, ep6(1), kServer).binding->mapped4;
    REQUIRE(net.out(Udp, ep6(1), ep4("198.51.100.1", 1)).verdict == "ok");
    auto settings = small_settings();
    settings.filtering = Filtering::AddressDependent;
    settings.limits.sessions_per_client = 2;
    REQUIRE(test::apply(*net.backend, settings, net.clock.now()).empty());
    CHECK(net.in(Udp, ep4("198.51.100.9", 9), mapped4).verdict == "filtered 3/13");
    CHECK(net.in(Udp, ep4("198.51.100.1", 9), mapped4).verdict == "ok");
    CHECK(net.out(Udp, ep6(1), ep4("198.51.100.1", 2)).verdict == "client_session_limit 1/1");
}

namespace {

/// Ends what matches, `slots` at a time.
Flushed flush(UserspaceNetwork& net, const Filter& filter, std::size_t slots = 7) {
    Flushed flushed;
    std::optional<Cursor> next = 0;
    while (next)
        next = net.backend->flush(*next, filter, {.slots = slots}, net.clock.now(), flushed);
    return flushed;
}

} // namespace

TEST_CASE("flush: ends what the filter lets through, counts it, and leaves the rest alone") {
    UserspaceNetwork net;
    populate(net);
    Filter filter;
    filter.protocol = Udp;
    filter.server = Prefix4{v4("198.51.100.0"), 24};
    const auto wanted = net.sessions(filter).size();
    REQUIRE(wanted > 0);
    CHECK(flush(net, filter).sessions == wanted);
    CHECK(net.sessions(filter).empty());
    CHECK(net.sessions().size() == 60 - wanted);
    const auto bindings = net.bindings().size();
    CHECK(flush(net, {}).bindings == bindings);
    CHECK(net.sessions().empty());
    CHECK(net.bindings().empty());
    CHECK(net.notes.events.back().reason == EventReason::Flushed);
    CHECK(net.out(Udp, ep6(1), kServer).verdict == "ok");
}

TEST_CASE("flush: a static binding outlives its sessions") {
    auto settings = small_settings();
    settings.statics = {{Udp, ep6(5, 53), ep4("192.0.2.1", 53)}};
    UserspaceNetwork net{settings};
    REQUIRE(net.out(Udp, ep6(5, 53), kServer).verdict == "ok");
    const auto flushed = flush(net, {});
    CHECK(flushed.sessions == 1);
    CHECK(flushed.bindings == 0);
    CHECK(net.bindings().size() == 1);
}

TEST_CASE("touch: what somebody else carried counts, and keeps the session alive") {
    UserspaceNetwork net;
    net.out(Udp, ep6(1), kServer);
    net.out(Udp, ep6(1), ep4("198.51.100.1", 1));
    for (int i = 0; i < 4; ++i) {
        net.clock.advance(200s);
        for (const auto& row : net.sessions())
            net.backend->touch(row.handle, net.clock.now() - 1s, 10, 1000);
        net.expire();
    }
    REQUIRE(net.sessions().size() == 2);
    CHECK(net.sessions()[0].packets == 41);
    CHECK(net.sessions()[1].bytes == 4100);
    const auto stale = net.sessions()[0].handle;
    net.backend->touch(stale, net.clock.now() - 1h, 1, 1); // older than what is known
    net.pass(299s);
    CHECK(net.sessions().size() == 2);
    net.pass(2s);
    CHECK(net.sessions().empty());
    net.backend->touch(stale, net.clock.now(), 1, 1);
    net.out(Udp, ep6(1), kServer);
    net.backend->touch(stale, net.clock.now(), 1, 1); // another generation
    CHECK(net.sessions()[0].packets == 1);
}

TEST_CASE("touch: runs the state machine as a plain packet would") {
    UserspaceNetwork net;
    const auto mapped4 = net.out(Tcp, ep6(1), kServer, kSyn).binding->mapped4;
    net.pass(1min);
    net.backend->touch(net.sessions()[0].handle, net.clock.now(), 1, 1);
    CHECK(net.state() == "v6_init");
    net.pass(3min + 100ms);
    CHECK(net.sessions().empty()); // V6 INIT was not renewed
    net.out(Tcp, ep6(1), kServer, kSyn);
    net.in(Tcp, kServer, net.bindings()[0].mapped4, kSynAck);
    net.in(Tcp, kServer, net.bindings()[0].mapped4, kRst);
    CHECK(net.state() == "trans");
    net.pass(1min);
    net.backend->touch(net.sessions()[0].handle, net.clock.now(), 1, 1);
    CHECK(net.state() == "established");
    CHECK(mapped4.port != Port{});
}

TEST_CASE("RFC 8158 §4.3: events come in order and with their reasons") {
    UserspaceNetwork net;
    const auto mapped4 = net.out(Tcp, ep6(1), kServer, kSyn).binding->mapped4;
    net.in(Tcp, kServer, mapped4, kSynAck);
    net.out(Tcp, ep6(1), kServer, kAck);
    net.out(Tcp, ep6(1), ep4("198.51.100.1", 1), kSyn);
    CHECK(kinds(net.notes) == "BSCS");
    net.pass(5min);
    CHECK(kinds(net.notes) == "BSCSs");
    net.pass(124min);
    net.pass(5min);
    CHECK(kinds(net.notes) == "BSCSsCsb");
    const auto& e = net.notes.events;
    CHECK(e[0].reason == EventReason::Traffic);
    CHECK(e[1].server4 == kServer);
    CHECK(e[1].mapped4 == mapped4);
    CHECK(e[1].client6 == ep6(1));
    CHECK(e[2].state == rfc6146::SessionState::Established);
    CHECK(e[5].state == rfc6146::SessionState::Trans);
    CHECK(e[5].reason == EventReason::Expired);
    CHECK(e[7].handle == e[0].handle);
    net.backend->set_event_sink(nullptr);
    net.out(Udp, ep6(1), kServer);
    CHECK(net.notes.events.size() == 8);
}

TEST_CASE("counters: what is created less what is deleted is what there is") {
    UserspaceNetwork net;
    populate(net);
    net.pass(100s);
    for (const auto protocol : {Tcp, Udp, Icmp}) {
        const auto i = static_cast<std::size_t>(protocol);
        CHECK(net.counters.bindings_created[i].value() -
                  net.counters.bindings_deleted[i].value() ==
              net.bindings(only(protocol)).size());
        CHECK(net.counters.sessions_created[i].value() -
                  net.counters.sessions_deleted[i].value() ==
              net.sessions(only(protocol)).size());
    }
    CHECK(net.counters.sessions_deleted[2].value() == 20);
}

} // namespace nat64::test
