// SPDX-License-Identifier: Apache-2.0
// Which of the machine's addresses are in the way. That they are followed is a scenario's to
// prove.
#include "daemon/pool_watch.hpp"

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

} // namespace

TEST_CASE("pool watch: the machine's own addresses that the pool has, or the gateway is") {
    const std::vector<PoolItem> pool{{Prefix4::parse("192.0.2.0/28").value(), {}}};
    platform::LocalAddress ipv6;
    ipv6.address = Ipv6Addr::parse("2001:db8::1").value();
    ipv6.prefix_length = 64;
    const std::vector rows{row("192.0.2.9", 32),
                           row("192.0.2.5", 24),
                           row("192.0.2.5", 32),
                           row("192.0.2.17", 24), // its broadcast is not an address in the pool
                           row("198.51.100.1", 24),
                           ipv6};
    const auto own = own_in_pool(pool, Ipv4Addr{198, 51, 100, 1}, rows);
    CHECK(own == std::vector{Ipv4Addr{192, 0, 2, 5},
                             Ipv4Addr{192, 0, 2, 9},
                             Ipv4Addr{198, 51, 100, 1}});
    CHECK(own_in_pool({}, std::nullopt, rows).empty());
}

} // namespace nat64::daemon
