// SPDX-License-Identifier: Apache-2.0
// The simulation's checks by themselves: they must see what they are there for.
#include "backends/kernel/kernel_backend.hpp"
#include "tests/simulation/allocations.hpp"
#include "tests/simulation/host_book.hpp"
#include "tests/simulation/parcels.hpp"
#include "tests/simulation/session_book.hpp"
#include "tests/support/fake_backend.hpp"
#include "tests/support/packet_builder.hpp"

#include <chrono>
#include <memory>
#include <string>
#include <tuple>

#include <doctest/doctest.h>

namespace nat64::simulation {

namespace {

using namespace std::chrono_literals;
using rfc6146::Side;

Event event(EventKind kind, Clock::time_point when) {
    Event event;
    event.kind = kind;
    event.protocol = L4Proto::Udp;
    event.when = when;
    event.reason = EventReason::Expired;
    event.client6 = {*Ipv6Addr::parse("2001:db8::1"), Port{4000}};
    event.mapped4 = {Ipv4Addr{192, 0, 2, 1}, Port{5000}};
    event.server4 = {Ipv4Addr{198, 18, 0, 1}, Port{53}};
    return event;
}

SessionKey key() {
    const auto any = event(EventKind::SessionCreated, {});
    return {any.protocol, any.client6, any.server4};
}

/// A host of napt: kernel begins, sends, and goes.
Event host_event(EventKind kind, Clock::time_point when) {
    auto made = event(kind, when);
    made.whole_host = true;
    return made;
}

} // namespace

TEST_CASE("session book: what ends early, late or without having begun is seen") {
    const InForce in_force;
    const Clock::time_point begin{1h};
    const auto ended = [&](Clock::duration after) {
        SessionBook book{in_force};
        book.on_event(event(EventKind::BindingCreated, begin));
        book.on_event(event(EventKind::SessionCreated, begin));
        book.on_event(event(EventKind::SessionDeleted, begin + after));
        return book.complaint().substr(0, 11);
    };
    CHECK(ended(in_force.napt.timeouts.udp - 1ms) == "ended early");
    CHECK(ended(in_force.napt.timeouts.udp) == "");
    CHECK(ended(in_force.napt.timeouts.udp + Tick::kLength) == "");
    CHECK(ended(in_force.napt.timeouts.udp + Tick::kLength + 1ms) == "ended late:");
    SessionBook book{in_force};
    book.on_event(event(EventKind::SessionDeleted, begin));
    CHECK(book.complaint() != "");
}

TEST_CASE("session book: a transport address with two owners, or with a new one at once") {
    const InForce in_force;
    const Clock::time_point begin{1h};
    SessionBook book{in_force};
    book.on_event(event(EventKind::BindingCreated, begin));
    auto another = event(EventKind::BindingCreated, begin);
    another.client6.port = Port{4001};
    SUBCASE("two owners") {
        book.on_event(another);
        CHECK(book.complaint().starts_with("two bindings share"));
    }
    SUBCASE("RFC 6888 §3 REQ-8: not before two minutes") {
        book.on_event(event(EventKind::BindingDeleted, begin));
        another.when = begin + 119s;
        book.on_event(another);
        CHECK(book.complaint().starts_with("a port is given out again at once"));
    }
    SUBCASE("after that") {
        book.on_event(event(EventKind::BindingDeleted, begin));
        another.when = begin + 120s;
        book.on_event(another);
        CHECK(book.complaint() == "");
    }
}

TEST_CASE("session book: what ends without reason, and what ends for one") {
    InForce in_force;
    const Clock::time_point begin{1h};
    const NaptSettings without_statics;
    const auto ended = [&](EventReason reason, const NaptSettings& later) {
        in_force.napt = without_statics;
        SessionBook book{in_force};
        book.on_event(event(EventKind::BindingCreated, begin));
        book.on_event(event(EventKind::SessionCreated, begin));
        auto end = event(EventKind::SessionDeleted, begin + 1s);
        end.reason = reason;
        in_force.napt = later;
        book.on_event(end);
        return book.complaint().substr(0, 20);
    };
    const auto client6 = key().client6.address;
    for (const auto reason : {EventReason::Flushed,
                              EventReason::PoolChanged,
                              EventReason::Forbidden,
                              EventReason::Static,
                              EventReason::Traffic})
        CHECK(ended(reason, {}) == "ended without reason");
    in_force.flushing = Filter{};
    in_force.flushing->client = Prefix6{client6, 64};
    CHECK(ended(EventReason::Flushed, {}) == "");
    NaptSettings later;
    later.withheld = {event({}, {}).mapped4.address};
    CHECK(ended(EventReason::PoolChanged, later) == "");
    later.statics = {{L4Proto::Udp, key().client6, {Ipv4Addr{192, 0, 2, 9}, Port{1}}}};
    CHECK(ended(EventReason::Static, later) == "");
}

TEST_CASE("session book: what begins although it is forbidden, withheld or too much") {
    InForce in_force;
    const Clock::time_point begin{1h};
    const auto begun = [&] {
        SessionBook book{in_force};
        book.on_event(event(EventKind::BindingCreated, begin));
        book.on_event(event(EventKind::SessionCreated, begin));
        book.packet(key(), Side::V6, {}, begin);
        auto second = event(EventKind::SessionCreated, begin);
        second.server4.port = Port{54};
        book.on_event(second);
        book.packet({L4Proto::Udp, second.client6, second.server4}, Side::V6, {}, begin);
        return book.complaint().substr(0, 14);
    };
    CHECK(begun() == "");
    SUBCASE("by a rule for clients") {
        in_force.rules.clients_deny = {Prefix6{key().client6.address, 64}};
        CHECK(begun() == "begins althoug");
    }
    SUBCASE("by a rule for destinations") {
        in_force.rules.destinations_deny = {Prefix4{key().server4.address, 24}};
        CHECK(begun() == "begins althoug");
    }
    SUBCASE("at an address that is withheld") {
        in_force.napt.withheld = {event({}, {}).mapped4.address};
        CHECK(begun() == "given out alth");
    }
    SUBCASE("one session too much") {
        in_force.napt.limits.sessions_per_client = 1;
        CHECK(begun() == "more than limi");
    }
    SUBCASE("one too much in all") {
        in_force.napt.limits.sessions = 1;
        CHECK(begun() == "more sessions ");
    }
}

TEST_CASE("session book: a static entry that a backend does not have is missed") {
    InForce in_force;
    test::FakeBackend backend;
    SessionBook book{in_force};
    CHECK(book.check(backend, Clock::time_point{1h}) == "");
    in_force.napt.statics = {{L4Proto::Udp, key().client6, {Ipv4Addr{192, 0, 2, 9}, Port{1}}}};
    CHECK(
        book.check(backend, Clock::time_point{1h}).starts_with("a static entry is not there"));
}

TEST_CASE("session book: a lifetime that a reload changes is the new one at once") {
    InForce in_force;
    const Clock::time_point begin{1h};
    const auto ended = [&](Clock::duration after) {
        SessionBook book{in_force};
        book.on_event(event(EventKind::BindingCreated, begin));
        book.on_event(event(EventKind::SessionCreated, begin));
        auto end = event(EventKind::SessionDeleted, begin + after);
        end.reason = EventReason::Expired;
        book.on_event(end);
        return book.complaint().substr(0, 11);
    };
    in_force.napt.timeouts.udp = 2min;
    in_force.since = begin + 4min;
    CHECK(ended(2min - 1ms) == "ended early");
    CHECK(ended(4min) == ""); // overdue, and that was seen at the reload
    CHECK(ended(4min + Tick::kLength + 1ms) == "ended late:");
}

TEST_CASE("host book: an address is given up when conntrack has forgotten it, not before") {
    const InForce in_force;
    const Clock::time_point begin{1h};
    const auto gone = [&](Clock::duration after, L4Proto protocol, bool answered) {
        HostBook book{in_force};
        auto of = key();
        of.protocol = protocol;
        book.on_event(host_event(EventKind::BindingCreated, begin));
        book.packet(of, Side::V6, TcpFlags{TcpFlags::kSyn}, begin);
        if (answered) {
            book.packet(of, Side::V4, TcpFlags{TcpFlags::kSyn | TcpFlags::kAck}, begin);
            book.packet(of, Side::V6, TcpFlags{TcpFlags::kAck}, begin);
        }
        book.on_event(host_event(EventKind::BindingDeleted, begin + after));
        return book.complaint().substr(0, 9);
    };
    constexpr auto kMargin = kernel::KernelBackend::kMargin;
    const auto& t = in_force.napt.timeouts;
    for (const auto& [protocol, answered, lasts] :
         {std::tuple{L4Proto::Udp, false, t.udp},
          std::tuple{L4Proto::Icmp, false, t.icmp},
          std::tuple{L4Proto::Tcp, false, t.tcp_transitory},
          std::tuple{L4Proto::Tcp, true, t.tcp_established}}) {
        CHECK(gone(lasts - 1ms, protocol, answered) == "conntrack");
        CHECK(gone(lasts, protocol, answered) == "");
        CHECK(gone(lasts + kMargin, protocol, answered) == "");
        CHECK(gone(lasts + kMargin + 1s, protocol, answered) == "goes late");
    }
}

TEST_CASE("host book: two hosts at one address, two addresses of one host") {
    const InForce in_force;
    const Clock::time_point begin{1h};
    HostBook book{in_force};
    book.on_event(host_event(EventKind::BindingCreated, begin));
    auto another = host_event(EventKind::BindingCreated, begin);
    SUBCASE("two hosts") {
        another.client6.address = *Ipv6Addr::parse("2001:db8::2");
        book.on_event(another);
        CHECK(book.complaint().starts_with("two hosts share"));
    }
    SUBCASE("two addresses") {
        another.mapped4.address = Ipv4Addr{192, 0, 2, 2};
        book.on_event(another);
        CHECK(book.complaint().starts_with("a host has two"));
    }
}

TEST_CASE("parcels: a packet is there when all its pieces are, and as it was sent") {
    const auto built = test::ipv4("198.18.0.1", "192.0.2.1").udp(53, 4000).payload(64);
    const auto pieces = built.in_pieces(24, 7);
    Parcel parcel;
    parcel.shipment.protocol = L4Proto::Udp;
    parcel.payload = test::pattern(64);
    for (const auto piece : {2U, 0U, 2U, 1U}) {
        CHECK(!parcel.whole);
        CHECK(parcel.take(pieces[piece]) == "");
    }
    CHECK(parcel.whole);
    Parcel other;
    other.shipment.protocol = L4Proto::Udp;
    other.payload = test::pattern(64, 1);
    std::string said;
    for (const auto& piece : pieces)
        said += other.take(piece);
    CHECK(said == "not what was sent");
}

TEST_CASE("parcels: the first piece decides, or the last where the checksum needs the whole") {
    Parcel parcel;
    parcel.sent = {false, false, true};
    CHECK(parcel.decides(0));
    CHECK(!parcel.decides(1));
    parcel.needs_whole = true;
    CHECK(!parcel.decides(0));
    parcel.sent[0] = true;
    CHECK(parcel.decides(1));
}

TEST_CASE("holding: no more is held than was sent a short while ago") {
    Holding holding;
    const Clock::time_point begin{1h};
    holding.add(begin);
    holding.add(begin + 1s);
    CHECK(holding.most(begin + 2s, 2s) == 2);
    CHECK(holding.most(begin + 2s + 1ms, 2s) == 1);
    CHECK(holding.most(begin + 4s, 2s) == 0);
}

TEST_CASE("allocations: only what is watched counts") {
    const auto before = allocations();
    {
        const Watch watch;
        const Pause pause;
        CHECK(std::make_unique<int>(1) != nullptr);
    }
    CHECK(allocations() == before);
}

} // namespace nat64::simulation
