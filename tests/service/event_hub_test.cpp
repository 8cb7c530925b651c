// SPDX-License-Identifier: Apache-2.0
// Who hears what, and that nobody listening costs nothing.
#include "service/event_hub.hpp"
#include "service/event_text.hpp"
#include "tests/service/table_backend.hpp"

#include <optional>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <doctest/doctest.h>

namespace nat64::service {

namespace {

Event event(EventKind kind, std::uint16_t port = 4000) {
    return {.kind = kind,
            .reason = EventReason::Traffic,
            .protocol = L4Proto::Udp,
            .state = rfc6146::SessionState::Active,
            .when = {},
            .client6 = {*Ipv6Addr::parse("2001:db8::5"), Port{port}},
            .mapped4 = {Ipv4Addr{192, 0, 2, 1}, Port{5000}},
            .server4 = {Ipv4Addr{203, 0, 113, 1}, Port{53}},
            .handle = {}};
}

struct Heard final : EventListener {
    void on_event(const Event& e) override { ports.push_back(e.client6.port.value()); }

    void on_lost(std::uint64_t events) override { lost += events; }

    std::vector<std::uint16_t> ports;
    std::uint64_t lost = 0;
};

/// A backend whose events are the test's.
struct Stage {
    boost::asio::io_context control;
    boost::asio::io_context packets;
    test::TableBackend backend;
    std::shared_ptr<EventHub> hub =
        std::make_shared<EventHub>(control.get_executor(), packets.get_executor(), backend);

    void run_packets() {
        packets.restart();
        packets.poll();
    }

    void happen(std::uint16_t port) {
        if (backend.sink != nullptr)
            backend.sink->on_event(event(EventKind::BindingCreated, port));
    }
};

} // namespace

TEST_CASE("event hub: the backend makes events only while somebody listens") {
    Stage stage;
    Heard first;
    Heard second;
    {
        const EventHub::Subscription one{stage.hub, first};
        {
            const EventHub::Subscription two{stage.hub, second};
            stage.run_packets();
            CHECK(stage.backend.sink != nullptr);
        }
        stage.run_packets();
        CHECK(stage.backend.sink != nullptr);
    }
    stage.run_packets();
    CHECK(stage.backend.sink == nullptr);
}

TEST_CASE("event hub: every listener hears everything, from its beginning on") {
    Stage stage;
    Heard early;
    Heard late;
    const EventHub::Subscription one{stage.hub, early};
    stage.run_packets();
    stage.happen(1);
    stage.hub->drain();
    const EventHub::Subscription two{stage.hub, late};
    stage.happen(2);
    stage.hub->drain();
    CHECK(early.ports == std::vector<std::uint16_t>{1, 2});
    CHECK(late.ports == std::vector<std::uint16_t>{2});
}

TEST_CASE("event hub: what the ring could not hold is told once, to everybody") {
    Stage stage;
    Heard heard;
    const EventHub::Subscription one{stage.hub, heard};
    stage.run_packets();
    for (int i = 0; i < 20'000; ++i)
        stage.happen(1);
    stage.hub->drain();
    stage.hub->drain();
    CHECK(heard.ports.size() + heard.lost == 20'000);
    CHECK(heard.lost == stage.hub->lost());
    CHECK(heard.lost > 0);
}

TEST_CASE("event hub: after stop() the packet thread is left alone") {
    Stage stage;
    Heard heard;
    {
        const EventHub::Subscription one{stage.hub, heard};
        stage.run_packets();
        stage.happen(1);
        stage.hub->stop();
        CHECK(heard.ports.size() == 1);
    }
    CHECK(stage.packets.poll() == 0);
}

TEST_CASE("event text: a session has both ends, a binding has no server") {
    CHECK(event_text(event(EventKind::SessionCreated), Destinations::Shown) ==
          "session created: udp [2001:db8::5]:4000 as 192.0.2.1:5000 to 203.0.113.1:53 "
          "(traffic)");
    CHECK(event_text(event(EventKind::SessionCreated), Destinations::Hidden) ==
          "session created: udp [2001:db8::5]:4000 as 192.0.2.1:5000 (traffic)");
    CHECK(event_text(event(EventKind::BindingDeleted), Destinations::Shown) ==
          "binding deleted: udp [2001:db8::5]:4000 as 192.0.2.1:5000 (traffic)");
    CHECK(event_members(event(EventKind::SessionDeleted), Destinations::Shown) ==
          R"("event":"session_deleted","nat_event":7,"protocol":"udp",)"
          R"("client":"[2001:db8::5]:4000","mapped":"192.0.2.1:5000",)"
          R"("server":"203.0.113.1:53","state":"active","reason":"traffic")");
}

TEST_CASE("event text: a whole host's binding has no ports and no protocol") {
    auto host = event(EventKind::BindingCreated);
    host.whole_host = true;
    CHECK(event_text(host, Destinations::Shown) ==
          "binding created: 2001:db8::5 as 192.0.2.1 (traffic)");
    CHECK(event_members(host, Destinations::Shown) ==
          R"("event":"binding_created","nat_event":14,"client":"2001:db8::5",)"
          R"("mapped":"192.0.2.1","reason":"traffic")");
    CHECK(nat_event(event(EventKind::BindingCreated)) == 10U);
    CHECK(nat_event(event(EventKind::SessionChanged)) == std::nullopt);
}

TEST_CASE("event text: a query's identifier may be 0") {
    auto query = event(EventKind::BindingCreated, 0);
    query.protocol = L4Proto::Icmp;
    query.mapped4.port = Port{};
    CHECK(event_text(query, Destinations::Hidden) ==
          "binding created: icmp [2001:db8::5]:0 as 192.0.2.1:0 (traffic)");
}

TEST_CASE("event text: times are UTC with milliseconds") {
    using namespace std::chrono_literals;
    const std::chrono::system_clock::time_point when{1'795'264'200'123ms};
    CHECK(iso_time(when) == "2026-11-21T12:30:00.123Z");
}

} // namespace nat64::service
