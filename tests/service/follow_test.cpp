// SPDX-License-Identifier: Apache-2.0
// `follow` over a real control socket, and a follower's queue by itself.
#include "service/follow.hpp"
#include "tests/service/fake_daemon.hpp"
#include "tests/service/line_client.hpp"

#include <memory>
#include <string>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <doctest/doctest.h>

namespace nat64::service {

namespace {

using test::FakeDaemon;
using test::LineClient;

Event event(EventKind kind, std::uint16_t port) {
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

std::string follow_request(std::string_view what, std::string_view extra = "") {
    return R"({"v":1,"id":7,"verb":"follow","what":")" + std::string{what} + "\"" +
           std::string{extra} + "}\n";
}

/// Its next line, which must be an item: the item.
std::string next(LineClient& client) {
    const auto line = client.line().value_or("");
    const std::string start = R"({"id":7,"item":)";
    REQUIRE(line.starts_with(start));
    return line.substr(start.size(), line.size() - start.size() - 1);
}

} // namespace

TEST_CASE("follow: events from the first line on, with their time") {
    FakeDaemon daemon;
    LineClient client{daemon.socket()};
    client.send(follow_request("events"));
    CHECK(next(client) == R"({"event":"following"})");
    daemon.happen(event(EventKind::BindingCreated, 1));
    daemon.happen(event(EventKind::SessionCreated, 1));
    CHECK(next(client).find(R"("event":"binding_created")") != std::string::npos);
    const auto session = next(client);
    CHECK(session.starts_with(R"({"time":"20)"));
    CHECK(session.find(R"("server":"203.0.113.1:53")") != std::string::npos);
}

TEST_CASE("follow: only what was asked for") {
    FakeDaemon daemon;
    LineClient client{daemon.socket()};
    client.send(follow_request("bindings", R"(,"client":"2001:db8::/64","protocol":"udp")"));
    CHECK(next(client) == R"({"event":"following"})");
    daemon.happen(event(EventKind::SessionCreated, 1));
    auto other = event(EventKind::BindingCreated, 2);
    other.protocol = L4Proto::Tcp;
    daemon.happen(other);
    other = event(EventKind::BindingCreated, 3);
    other.client6.address = *Ipv6Addr::parse("2001:db8:1::5");
    daemon.happen(other);
    daemon.happen(event(EventKind::BindingCreated, 4));
    CHECK(next(client).find(R"("client":"[2001:db8::5]:4")") != std::string::npos);
}

TEST_CASE("follow: a request that means nothing is refused") {
    FakeDaemon daemon;
    const auto refused = [&](const std::string& request, const char* code) {
        const auto reply = LineClient{daemon.socket()}.ask(request);
        REQUIRE(reply.size() == 1);
        CAPTURE(reply[0]);
        CHECK(reply[0].find(code) != std::string::npos);
    };
    refused(follow_request("status"), "unknown_what");
    refused(follow_request("bindings", R"(,"server":"192.0.2.1")"), "unknown_field");
    refused(follow_request("events", R"(,"limit":1)"), "unknown_field");
    daemon.config.napt_mode = config::NaptMode::Kernel;
    refused(follow_request("sessions"), "conntrack -E");
}

TEST_CASE("follow: so many at most, so that others are served") {
    const FakeDaemon daemon;
    std::vector<std::unique_ptr<LineClient>> followers;
    for (std::size_t i = 0; i < Follower::kMost; ++i) {
        followers.push_back(std::make_unique<LineClient>(daemon.socket()));
        followers.back()->send(follow_request("events"));
        CHECK(next(*followers.back()) == R"({"event":"following"})");
    }
    const auto refused = LineClient{daemon.socket()}.ask(follow_request("events"));
    REQUIRE(refused.size() == 1);
    CHECK(refused[0].find("too_many_connections") != std::string::npos);
}

TEST_CASE(
    "follow: a slow reader loses the newest, and is told how many where they are missing") {
    boost::asio::io_context context;
    Follower follower{context.get_executor(), Follower::Wants::Both, {}};
    const auto kinds = [&](std::size_t count) {
        std::uint64_t lost = 0;
        for (std::size_t i = 0; i < count; ++i) {
            const auto news = follower.take();
            if (const auto* gap = std::get_if<Follower::Gap>(&news)) lost += gap->events;
        }
        return lost;
    };
    for (std::size_t i = 0; i < Follower::kRoom + 100; ++i)
        follower.on_event(event(EventKind::BindingCreated, 1));
    follower.on_lost(11);
    CHECK(kinds(Follower::kRoom) == 0);
    follower.on_event(event(EventKind::BindingCreated, 1));
    CHECK(kinds(1) == 111);
    CHECK(kinds(1) == 0);
    CHECK_FALSE(follower.has_news());
}

} // namespace nat64::service
