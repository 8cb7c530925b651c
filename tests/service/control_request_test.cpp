// SPDX-License-Identifier: Apache-2.0
// Requests as data: what is taken, and the code and message of what is not.
#include "service/control_commands.hpp"
#include "service/control_request.hpp"

#include <string>

#include <doctest/doctest.h>

namespace nat64::service {

namespace {

struct Refused {
    const char* line;
    const char* code;
    const char* message;
};

} // namespace

TEST_CASE("control protocol: a request with everything is understood") {
    const auto request = parse_request(
        R"({"v":1,"id":"a7","verb":"show","what":"sessions","client":"2001:db8::/64",)"
        R"("server":"198.51.100.0/24","mapped":"192.0.2.1","protocol":"udp","limit":12,)"
        R"("cursor":"sessions:345","count":true,"all":false})");
    REQUIRE(request);
    CHECK(request->id == R"("a7")");
    CHECK(request->verb == "show");
    CHECK(request->what == "sessions");
    CHECK(request->filter.client->to_string() == "2001:db8::/64");
    CHECK(request->filter.server->to_string() == "198.51.100.0/24");
    CHECK(request->filter.mapped->length() == 32);
    CHECK(request->filter.protocol == L4Proto::Udp);
    CHECK(request->limit == 12);
    CHECK(request->cursor == 345);
    CHECK(request->count);
    CHECK_FALSE(request->all);
    CHECK(request->fields.size() == 8);
}

TEST_CASE("control protocol: clients are sorted by what the request says") {
    const auto request =
        parse_request(R"({"v":1,"verb":"show","what":"clients","sort":"ports"})");
    REQUIRE(request);
    CHECK(request->order == ClientOrder::Ports);
    const auto refused =
        parse_request(R"({"v":1,"verb":"show","what":"clients","sort":"name"})");
    REQUIRE_FALSE(refused);
    CHECK(refused.error().error.message == R"(sort must be "sessions", "ports" or "bindings")");
}

TEST_CASE("control protocol: nothing is optional but what is said to be") {
    const auto request = parse_request(R"({"v":1,"verb":"show","what":"status"})");
    REQUIRE(request);
    CHECK(request->id == "null");
    CHECK(request->fields.empty());
    CHECK_FALSE(request->limit);
    CHECK(request->cursor == 0);
}

TEST_CASE("control protocol: what is wrong with a request is said by name") {
    constexpr const char* kOneLine = "a request is one JSON object on one line";
    const Refused cases[] = {
        {"", "bad_json", kOneLine},
        {"GET / HTTP/1.1", "bad_json", kOneLine},
        {"[1,2]", "bad_json", kOneLine},
        {R"({"v":1)", "bad_json", kOneLine},
        {"{\"v\":\"\xff\"}", "bad_json", kOneLine},
        {R"({"verb":"show"})", "bad_request", R"(field "v", the protocol version, is missing)"},
        {R"({"v":"1"})", "bad_request", R"(field "v", the protocol version, is missing)"},
        {R"({"v":2,"new":1})",
         "unsupported_version",
         "this daemon speaks version 1 of the protocol, not 2"},
        {R"({"v":1})", "bad_request", R"(field "verb" is missing)"},
        {R"({"v":1,"verb":7})", "bad_request", R"(field "verb" is missing)"},
        {R"({"v":1,"id":[],"verb":"x"})",
         "bad_request",
         R"(field "id" must be a whole number or a string of at most 64 bytes)"},
        {R"({"v":1,"verb":"x","colour":1})",
         "unknown_field",
         R"("colour" is no field of a request)"},
        {R"({"v":1,"verb":"x","client":"192.0.2.1"})",
         "bad_value",
         R"(client must be an IPv6 prefix (host bits zero) or address, )"
         R"(such as "2001:db8::/64")"},
        {R"({"v":1,"verb":"x","client":"2001:db8::1/64"})",
         "bad_value",
         R"(client must be an IPv6 prefix (host bits zero) or address, )"
         R"(such as "2001:db8::/64")"},
        {R"({"v":1,"verb":"x","server":5})",
         "bad_value",
         R"(server must be an IPv4 prefix (host bits zero) or address, )"
         R"(such as "192.0.2.0/24")"},
        {R"({"v":1,"verb":"x","mapped":"192.0.2.0/33"})",
         "bad_value",
         R"(mapped must be an IPv4 prefix (host bits zero) or address, )"
         R"(such as "192.0.2.0/24")"},
        {R"({"v":1,"verb":"x","protocol":"sctp"})",
         "bad_value",
         R"(protocol must be "tcp", "udp" or "icmp")"},
        {R"({"v":1,"verb":"x","limit":0})",
         "bad_value",
         "limit must be a whole number, at least 1"},
        {R"({"v":1,"verb":"x","limit":1.5})",
         "bad_value",
         "limit must be a whole number, at least 1"},
        {R"({"v":1,"verb":"x","count":1})", "bad_value", "count must be true or false"},
        {R"({"v":1,"verb":"show","what":"pool","cursor":"sessions:1"})",
         "bad_value",
         "cursor must be the cursor that an earlier reply to the same `what` gave"},
        {R"({"v":1,"verb":"show","what":"pool","cursor":"pool:1x"})",
         "bad_value",
         "cursor must be the cursor that an earlier reply to the same `what` gave"},
        {R"({"v":1,"verb":"show","what":"pool","cursor":"pool:99999999999999999999"})",
         "bad_value",
         "cursor must be the cursor that an earlier reply to the same `what` gave"},
    };
    for (const Refused& c : cases) {
        CAPTURE(c.line);
        const auto request = parse_request(c.line);
        REQUIRE_FALSE(request);
        CHECK(request.error().error.code == c.code);
        CHECK(request.error().error.message == c.message);
    }
}

TEST_CASE("control protocol: an error still carries the request's id") {
    const auto request = parse_request(R"({"v":9,"id":41})");
    REQUIRE_FALSE(request);
    CHECK(request.error().id == "41");
}

TEST_CASE("control protocol: a cursor is taken back by the listing that gave it") {
    const std::string text = cursor_text("sessions", 0xffff'ffff'ffff'ffff);
    const auto request =
        parse_request(R"({"v":1,"verb":"show","what":"sessions","cursor":")" + text + "\"}");
    REQUIRE(request);
    CHECK(request->cursor == 0xffff'ffff'ffff'ffff);
}

TEST_CASE("control protocol: a command takes its own fields only") {
    const Refused cases[] = {
        {R"({"v":1,"verb":"flash"})", "unknown_verb", R"(there is no verb "flash")"},
        {R"({"v":1,"verb":"reload","what":"it"})", "unknown_what", "reload takes no `what`"},
        {R"({"v":1,"verb":"show","what":"cats"})",
         "unknown_what",
         R"(show cannot be asked for "cats", only for status, bindings, sessions, clients, )"
         "pool, drops, config"},
        {R"({"v":1,"verb":"show"})",
         "unknown_what",
         R"(show cannot be asked for "", only for status, bindings, sessions, clients, pool, )"
         "drops, config"},
        {R"({"v":1,"verb":"show","what":"bindings","server":"192.0.2.1"})",
         "unknown_field",
         "server means nothing to show bindings"},
        {R"({"v":1,"verb":"show","what":"status","limit":1})",
         "unknown_field",
         "limit means nothing to show status"},
    };
    for (const Refused& c : cases) {
        CAPTURE(c.line);
        const auto request = parse_request(c.line);
        REQUIRE(request);
        const auto command = find_command(*request);
        REQUIRE_FALSE(command);
        CHECK(command.error().code == c.code);
        CHECK(command.error().message == c.message);
    }
}

} // namespace nat64::service
