// SPDX-License-Identifier: Apache-2.0
// The rows are printed without a JSON library: each is compared with what one reads in it.
#include "service/control_rows.hpp"
#include "tests/service/table_backend.hpp"

#include <boost/json.hpp>
#include <doctest/doctest.h>

namespace nat64::service {

namespace json = boost::json;

TEST_CASE("control rows: a binding is the documented object") {
    const json::value expected = json::parse(
        R"({"protocol":"udp","client":"[2001:db8:0:1::64]:1124","mapped":"192.0.2.4:1124",)"
        R"("sessions":0,"static":true})");
    BindingRow row = test::TableBackend::binding(100);
    CHECK(json::parse(to_json(row)) == expected);
}

TEST_CASE("control rows: a whole host has no ports, and sessions that are not known") {
    BindingRow row = test::TableBackend::binding(100);
    row.whole_host = true;
    CHECK(json::parse(to_json(row)) ==
          json::parse(R"({"protocol":"any","client":"2001:db8:0:1::64","mapped":"192.0.2.4",)"
                      R"("static":true})"));
}

TEST_CASE("control rows: a client is an address or a prefix, with what is known of it") {
    ClientRow row = test::TableBackend::client(7);
    CHECK(json::parse(to_json(row, ClientMembers::All)) ==
          json::parse(R"({"client":"2001:db8::7","sessions":7,"ports":993,"bindings":2})"));
    row.client = Prefix6{row.client.address(), 64};
    CHECK(json::parse(to_json(row, ClientMembers::SessionsOnly)) ==
          json::parse(R"({"client":"2001:db8::/64","sessions":7})"));
}

TEST_CASE("control rows: a pool of whole hosts is one row") {
    const PoolRow row{.address = Ipv4Addr{100, 64, 0, 0},
                      .total = 65533,
                      .used = 3,
                      .held_back = 1,
                      .clients = 2,
                      .whole_hosts = Prefix4{Ipv4Addr{100, 64, 0, 0}, 16}};
    CHECK(json::parse(to_json(row)) ==
          json::parse(R"({"address":"100.64.0.0/16","protocol":"any","total":65533,"used":3,)"
                      R"("held_back":1,"clients":2})"));
}

TEST_CASE("control rows: a session is the documented object") {
    const json::value expected = json::parse(
        R"({"protocol":"icmp","state":"active","client":"[2001:db8::5]:1029",)"
        R"("mapped":"192.0.2.5:1029","server":"198.51.100.5:443","expires_in":0.5,"packets":5,)"
        R"("bytes":5000})");
    CHECK(json::parse(to_json(test::TableBackend::session(5))) == expected);
}

TEST_CASE("control rows: numbers of 64 bits keep all their digits") {
    SessionRow row = test::TableBackend::session(1);
    row.bytes = 0xffff'ffff'ffff'ffff;
    CHECK(json::parse(to_json(row)).at("bytes").as_uint64() == 0xffff'ffff'ffff'ffff);
}

TEST_CASE("control rows: a session that is due does not look like one with time left") {
    SessionRow row = test::TableBackend::session(1);
    row.expires_in = Clock::duration{0};
    CHECK(to_json(row).find("\"expires_in\":0.0,") != std::string::npos);
}

TEST_CASE("control rows: pool use is the documented object") {
    const PoolRow row{.address = Ipv4Addr{192, 0, 2, 1},
                      .protocol = L4Proto::Tcp,
                      .total = 64512,
                      .used = 3,
                      .held_back = 2,
                      .clients = 1};
    CHECK(json::parse(to_json(row)) ==
          json::parse(R"({"address":"192.0.2.1","protocol":"tcp","total":64512,"used":3,)"
                      R"("held_back":2,"clients":1})"));
}

TEST_CASE("control rows: every drop reason is valid JSON with its help") {
    for (std::size_t i = 0; i < kDropReasonCount; ++i) {
        const json::value row = json::parse(to_json(static_cast<DropReason>(i), i));
        CHECK(row.at("reason").as_string() == kDropReasons[i].label);
        CHECK(row.at("help").as_string() == kDropReasons[i].help);
        CHECK(row.at("packets").to_number<std::size_t>() == i);
    }
}

} // namespace nat64::service
