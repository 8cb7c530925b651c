// SPDX-License-Identifier: Apache-2.0
// The words of `explain`: which step refuses, by which rule, with which remedy; and the
// question as the control protocol takes it. That the answers are those that packets get is
// tests/backends/userspace/foresee_test.
#include "service/explain.hpp"
#include "tests/service/fake_daemon.hpp"
#include "tests/service/line_client.hpp"
#include "tests/support/fake_backend.hpp"

#include <memory>
#include <string>
#include <vector>

#include <boost/json.hpp>
#include <doctest/doctest.h>

namespace nat64::service {

namespace json = boost::json;

namespace {

/// Everything of a table of questions is the same but the addresses.
class Desk {
public:
    Desk() {
        config.translator.prefix =
            rfc6052::Nat64Prefix::from(Prefix6::parse("2001:db8:64::/96").value()).value();
        config.policy.clients_deny = {Prefix6::parse("2001:db8:bad::/48").value()};
        config.policy.destinations_deny = {{Prefix4{}, L4Proto::Tcp, {Port{25}, Port{25}}}};
        config.policy.destinations_allow = {
            {Prefix4::parse("198.51.100.25").value(), L4Proto::Tcp, {Port{25}, Port{25}}}};
        const std::vector own{Ipv4Addr{203, 0, 113, 1}};
        backend.exchange_policy(std::make_shared<const Policy>(config.policy, own));
    }

    json::object ask(std::string_view from, std::string_view to, unsigned port = 80) {
        Question question{.from = parse_address(from), .to = parse_address(to).value()};
        question.port = Port{static_cast<std::uint16_t>(port)};
        const auto found = find_out(question, config.translator, backend, {});
        return json::parse(explain_json(found, config)).as_object();
    }

    config::Config config;
    test::FakeBackend backend;
};

/// "source refused: ..." for each step, the result of which is not "ok".
std::string objections(const json::object& item) {
    std::string text;
    for (const auto& value : item.at("steps").as_array()) {
        const auto& step = value.as_object();
        if (step.at("result").as_string() == "refused")
            text += std::string{step.at("step").as_string()} + ": " +
                    std::string{step.at("says").as_string()} + "\n";
    }
    return text;
}

std::string member(const json::object& item, const char* name) {
    const auto* value = item.if_contains(name);
    return value == nullptr ? "" : std::string{value->as_string()};
}

constexpr auto kClient = "2001:db8::5";

} // namespace

TEST_CASE("explain: each refusal names its step, its reason and what hears the sender") {
    struct Row {
        const char* from;
        const char* to;
        unsigned port;
        const char* reason;
        const char* objection;
    };

    Desk desk;
    for (const auto& row : std::vector<Row>{
             {kClient, "2001:db8:65::1", 80, "not_in_prefix", "prefix: 2001:db8:65::1 is not"},
             {"fe80::1", "2001:db8:64::c633:6401", 80, "illegal_source", "source: fe80::1"},
             {"2001:db8:64::1",
              "2001:db8:64::c633:6401",
              80,
              "source_in_prefix",
              "source: 2001:db8:64::1"},
             {kClient, "2001:db8:64::7f00:1", 80, "illegal_destination", "range: 127.0.0.1"},
             {kClient,
              "2001:db8:64::cb00:7101",
              22,
              "own_address",
              "an address of this machine"},
             {kClient, "2001:db8:64::a00:1", 80, "private_destination", "a private range"},
             {kClient,
              "198.51.100.7",
              25,
              "destination_denied",
              "destinations.deny[0], {prefix: 0.0.0.0/0, protocol: tcp, ports: 25-25}"},
             {"2001:db8:bad::1",
              "198.51.100.7",
              80,
              "client_denied",
              "clients.deny[0], 2001:db8:bad::/48"},
         }) {
        CAPTURE(row.reason);
        const auto item = desk.ask(row.from, row.to, row.port);
        CHECK(member(item, "verdict") == "refused");
        CHECK(member(item, "reason") == row.reason);
        CHECK_FALSE(member(item, "help").empty());
        CAPTURE(objections(item));
        CHECK(objections(item).find(row.objection) != std::string::npos);
        const std::string reason{row.reason};
        const bool silent = reason == "not_in_prefix" || reason.find("source") == 0 ||
                            reason == "illegal_source";
        CHECK(member(item, "answer") ==
              (silent ? "none: dropped silently"
                      : "ICMPv6 type 1 code 1 (administratively prohibited)"));
    }
    CHECK(member(desk.ask(kClient, "10.0.0.1"), "remedy").find("destinations.private") == 0);
}

TEST_CASE("explain: what is let through says by which rule, and what it will be") {
    Desk desk;
    auto item = desk.ask(kClient, "2001:db8:64::c633:6419", 25);
    CHECK(member(item, "verdict") == "translated");
    CHECK(member(item, "direction") == "outbound");
    CHECK(member(item, "server") == "198.51.100.25");
    CHECK(json::serialize(item).find("destinations.allow[0], {prefix: 198.51.100.25/32") !=
          std::string::npos);
    desk.backend.bind(
        L4Proto::Tcp, {Ipv6Addr::parse(kClient).value(), Port{}}, {{192, 0, 2, 1}, Port{4711}});
    item = desk.ask(kClient, "198.51.100.1");
    CHECK(member(item, "mapped") == "192.0.2.1:4711");
}

TEST_CASE("explain: an IPv4 address is a client's if it is of the pool, else a server's") {
    Desk desk;
    CHECK(member(desk.ask("", "198.51.100.1"), "direction") == "outbound");
    CHECK(member(desk.ask("", "192.0.2.1"), "direction") == "inbound");
    CHECK(member(desk.ask("198.51.100.1", "192.0.2.1"), "direction") == "inbound");
    CHECK(member(desk.ask(kClient, "192.0.2.1"), "direction") == "outbound");
    CHECK(member(desk.ask("127.0.0.1", "192.0.2.1"), "reason") == "illegal_source");
}

TEST_CASE("explain: RFC 6052 §3.1 is told where the well-known prefix is kept strict") {
    Desk desk;
    desk.config.translator.prefix = {};
    CHECK(member(desk.ask(kClient, "64:ff9b::c000:201"), "reason") == "non_global_ipv4");
    desk.config.translator.wkp_strict = false;
    CHECK(member(desk.ask(kClient, "64:ff9b::c000:201"), "verdict") == "translated");
}

TEST_CASE("control protocol: explain answers with one item") {
    test::FakeDaemon daemon;
    test::LineClient client{daemon.socket()};
    const auto reply = client.ask(
        R"({"v":1,"id":3,"verb":"explain","from":"2001:db8::1","to":"64:ff9b::808:808",)"
        R"("protocol":"udp","port":53})");
    REQUIRE(reply.size() == 2);
    CHECK(reply[0].starts_with(R"({"id":3,"item":{"direction":"outbound")"));
    CHECK(reply[0].find(R"("verdict":"translated")") != std::string::npos);
    CHECK(daemon.backend.wrong_thread == 0);
}

TEST_CASE("control protocol: explain says what is wrong with a question") {
    test::FakeDaemon daemon;
    test::LineClient client{daemon.socket()};
    for (const auto& [fields, message] : std::vector<std::pair<std::string, std::string>>{
             {"", "to must be an address"},
             {R"(,"to":"example.org")", "to must be an IPv4 or IPv6 address"},
             {R"(,"to":"64:ff9b::1","port":65536)",
              "port must be a whole number, at most 65535"},
             {R"(,"to":"64:ff9b::1","from":"192.0.2.1")", "goes to an IPv4 address"},
             {R"(,"to":"64:ff9b::1","limit":1)", "limit means nothing to explain"},
         }) {
        CAPTURE(fields);
        const auto reply = client.ask(R"({"v":1,"id":3,"verb":"explain")" + fields + "}");
        REQUIRE(reply.size() == 1);
        CHECK(reply[0].find(message) != std::string::npos);
    }
}

} // namespace nat64::service
