// SPDX-License-Identifier: Apache-2.0
// The small texts of a configuration.
#include "config/scalars.hpp"

#include <doctest/doctest.h>

using namespace nat64;
using namespace nat64::config;

TEST_CASE("integer: decimal digits only") {
    CHECK(parse_integer("0") == 0);
    CHECK(parse_integer("1280") == 1280);
    CHECK(parse_integer("18446744073709551615") == 18446744073709551615ULL);
    for (const auto* const text : {"",
                                   "-1",
                                   "+1",
                                   "010",
                                   "00",
                                   "0x10",
                                   "0o17",
                                   "1.5",
                                   "1e6",
                                   "1_000",
                                   "1 000",
                                   " 1",
                                   "18446744073709551616",
                                   "ten",
                                   "٣"}) {
        CAPTURE(text);
        CHECK_FALSE(parse_integer(text));
    }
}

TEST_CASE("ports: a range or one port, never 0, first <= last") {
    CHECK(parse_ports("20000-39999") == PortRange{Port{20000}, Port{39999}});
    CHECK(parse_ports("8080") == PortRange{Port{8080}, Port{8080}});
    CHECK(parse_ports("1-65535") == PortRange{});
    for (const auto* const text : {"",
                                   "0",
                                   "0-10",
                                   "10-",
                                   "-10",
                                   "10-5",
                                   "1-65536",
                                   "1--2",
                                   "1-2-3",
                                   "a-b",
                                   "010-20",
                                   "10 - 20"}) {
        CAPTURE(text);
        CHECK_FALSE(parse_ports(text));
    }
}

TEST_CASE("endpoints: address and port, or an address alone") {
    CHECK(parse_endpoint4("192.0.2.1:80") == Endpoint4{Ipv4Addr{192, 0, 2, 1}, Port{80}});
    CHECK(parse_endpoint4("192.0.2.1") == Endpoint4{Ipv4Addr{192, 0, 2, 1}, Port{}});
    CHECK(parse_endpoint6("[2001:db8::1]:80") ==
          Endpoint6{*Ipv6Addr::parse("2001:db8::1"), Port{80}});
    CHECK(parse_endpoint6("2001:db8::1") == Endpoint6{*Ipv6Addr::parse("2001:db8::1"), Port{}});
    for (const auto* const text : {"",
                                   "192.0.2.1:",
                                   "192.0.2.1:0",
                                   "192.0.2.1:65536",
                                   ":80",
                                   "192.0.2:80",
                                   "192.0.2.1:80:80"}) {
        CAPTURE(text);
        CHECK_FALSE(parse_endpoint4(text));
    }
    for (const auto* const text : {"",
                                   "[2001:db8::1]",
                                   "[2001:db8::1]80",
                                   "[2001:db8::1]:0",
                                   "2001:db8::1]:80",
                                   "[]:80",
                                   "[2001:db8::1:80",
                                   "fe80::1%eth0"}) {
        CAPTURE(text);
        CHECK_FALSE(parse_endpoint6(text));
    }
}

TEST_CASE("prefix within a site's prefix: the suffix ends at bit 96") {
    const auto joined = [](const char* within, const char* suffix) {
        const auto prefix = join_prefix(*Prefix6::parse(within), suffix);
        return prefix ? prefix->to_string() : std::string{"refused"};
    };
    CHECK(joined("2001:db8:5::/64", "0:6464") == "2001:db8:5::6464:0:0/96");
    CHECK(joined("2001:db8:5::/64", "6464") == "2001:db8:5::6464:0:0/96");
    CHECK(joined("2001:db8::/32", "a:b:c:d") == "2001:db8:a:b:c:d::/96");
    CHECK(joined("300:1234::/56", "64:0:ffff") == "300:1234:0:64:0:ffff::/96");
    // Reaches into the site's own bits.
    CHECK(joined("2001:db8:5::/64", "1:0:6464") == "refused");
    CHECK(joined("2001:db8:5:0:8000::/65", "8000:1") == "refused");
    CHECK(joined("2001:db8::/96", "0") == "refused");
    for (const auto* const suffix :
         {"", ":", "1:", ":1", "12345", "g", "1::2", "0:0:0:0:0:0:1", "-1", "0x1"}) {
        CAPTURE(suffix);
        CHECK(joined("2001:db8::/32", suffix) == "refused");
    }
}
