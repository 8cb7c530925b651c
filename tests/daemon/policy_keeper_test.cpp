// SPDX-License-Identifier: Apache-2.0
// What counts as the machine's own. That changes reach the packets is a scenario's to prove.
#include "daemon/policy_keeper.hpp"

#include <vector>

#include <doctest/doctest.h>

namespace nat64::daemon {

namespace {

platform::LocalAddress row(const char* address, unsigned length) {
    platform::LocalAddress made;
    made.address = Ipv4Addr::parse(address).value();
    made.prefix_length = length;
    return made;
}

std::vector<Ipv4Addr> addresses(std::initializer_list<const char*> texts) {
    std::vector<Ipv4Addr> made;
    for (const auto* text : texts)
        made.push_back(Ipv4Addr::parse(text).value());
    return made;
}

} // namespace

TEST_CASE("own addresses: each once, with those that mean all hosts of its subnet") {
    platform::LocalAddress ipv6;
    ipv6.address = Ipv6Addr::parse("2001:db8::1").value();
    ipv6.prefix_length = 64;
    const std::vector rows{row("192.0.2.5", 24),
                           row("192.0.2.6", 24),
                           row("198.51.100.1", 31),
                           row("203.0.113.9", 32),
                           ipv6};
    CHECK(own_addresses(rows) == addresses({"192.0.2.0",
                                            "192.0.2.5",
                                            "192.0.2.6",
                                            "192.0.2.255",
                                            "198.51.100.1",
                                            "203.0.113.9"}));
}

TEST_CASE("own prefixes: IPv4 that local routes make the machine's own, each once") {
    using platform::RouteKind;
    const auto route = [](const platform::IpPrefix& destination, RouteKind kind) {
        return platform::RouteRow{destination, {}, 0, 255, kind};
    };
    const auto prefix = [](const char* text) { return Prefix4::parse(text).value(); };
    const std::vector rows{route(prefix("203.0.113.0/25"), RouteKind::Own),
                           route(prefix("198.51.100.7/32"), RouteKind::Own),
                           route(prefix("203.0.113.0/25"), RouteKind::Own),
                           route(prefix("192.0.2.0/24"), RouteKind::Onward),
                           route(prefix("192.0.2.0/25"), RouteKind::Nowhere),
                           route(Prefix6::parse("2001:db8::/32").value(), RouteKind::Own)};
    CHECK(own_prefixes(rows) ==
          std::vector{prefix("198.51.100.7/32"), prefix("203.0.113.0/25")});
}

TEST_CASE("own addresses: a point-to-point link to everywhere has no broadcast") {
    CHECK(own_addresses(std::vector{row("192.0.2.5", 0)}) == addresses({"192.0.2.5"}));
}

} // namespace nat64::daemon
