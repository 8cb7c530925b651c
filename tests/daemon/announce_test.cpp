// SPDX-License-Identifier: Apache-2.0
// What the log says at start and stop.
#include "daemon/announce.hpp"

#include <algorithm>
#include <string_view>

#include <doctest/doctest.h>

namespace nat64::daemon {

namespace {

config::Config lab() {
    config::Config config;
    config.napt.pool = {{Prefix4{Ipv4Addr{192, 0, 2, 0}, 28}, {}},
                        {Prefix4{Ipv4Addr{198, 51, 100, 7}, 32}, {}}};
    config.translator.gateway4 = Ipv4Addr{192, 0, 2, 1};
    return config;
}

bool says(const std::vector<std::string>& lines, std::string_view text) {
    return std::ranges::find(lines, text) != lines.end();
}

platform::TunDevice tun(platform::TunFeatures features) {
    return {.fd = {}, .name = "nat64", .features = features};
}

} // namespace

TEST_CASE("start: one line a fact") {
    const auto lines = describe_start(lab(), tun({true, true, true}));
    CHECK(says(lines, "prefix 64:ff9b::/96"));
    CHECK(says(lines, "pool of 17 addresses: 192.0.2.0/28 198.51.100.7/32"));
    CHECK(says(lines, "interface nat64: MTU 1500, TCP and UDP segmentation offload"));
    CHECK(says(lines, "control socket /run/nat64/nat64.sock"));
}

TEST_CASE("start: missing offloads are said") {
    CHECK(says(describe_start(lab(), tun({true, true, false})),
               "interface nat64: MTU 1500, TCP segmentation offload (UDP's needs Linux 6.2)"));
    CHECK(says(describe_start(lab(), tun({})), "interface nat64: MTU 1500, no offloads"));
}

TEST_CASE("start: a long pool does not fill the screen") {
    auto config = lab();
    config.napt.pool.clear();
    for (std::uint8_t i = 0; i < 20; ++i)
        config.napt.pool.push_back({Prefix4{Ipv4Addr{192, 0, 2, i}, 32}, {}});
    const auto lines = describe_start(config, tun({}));
    CHECK(std::ranges::any_of(lines, [](const std::string& line) {
        return line.starts_with("pool of 20 addresses:") && line.ends_with(" and 12 more");
    }));
}

TEST_CASE("start: where ICMP errors come from, under the prefix if RFC 6052 §3.1 allows it") {
    auto config = lab();
    config.translator.gateway6 = Ipv6Addr::parse("2001:db8::1");
    CHECK(says(describe_start(config, tun({})),
               "ICMP errors of our own come from 192.0.2.1 and 2001:db8::1"));
    config.translator.wkp_strict = false;
    CHECK(says(describe_start(config, tun({})),
               "ICMP errors of our own come from 192.0.2.1 and 64:ff9b::c000:201"));
    config.translator.gateway4.reset();
    config.translator.gateway6.reset();
    CHECK(says(describe_start(config, tun({})),
               "ICMP errors of our own come from no IPv4 address and no IPv6 address"));
}

TEST_CASE("stop: the sums") {
    Counters counters;
    counters.received.add(12);
    counters.emitted.add(11);
    counters.drop(DropReason::BadOffload);
    counters.sessions_created[0].add(2);
    counters.sessions_created[2].add(1);
    CHECK(describe_end(counters) == "12 packets received, 11 sent, 1 dropped; 3 sessions");
}

} // namespace nat64::daemon
