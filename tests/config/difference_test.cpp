// SPDX-License-Identifier: Apache-2.0
// What a reload would change, and what it may not.
#include "config/difference.hpp"
#include "config/inner_pool.hpp"
#include "config/pool_part.hpp"
#include "tests/config/support.hpp"

using namespace nat64;
using namespace nat64::config;
using test::load_text;
using test::load_with;

namespace {

/// What is refused, as one text a key.
std::vector<std::string> fixed(const Difference& difference) {
    std::vector<std::string> texts;
    for (const auto& [change, why] : difference.fixed)
        texts.push_back(to_string(change) + (why.empty() ? "" : " (" + why + ")"));
    return texts;
}

/// Of a daemon that has not been reloaded yet.
Difference difference(const Config& running, const Config& wanted) {
    return config::difference(running, wanted, running.napt.pool);
}

std::vector<std::string> changes(const Difference& difference) {
    std::vector<std::string> texts;
    for (const auto& change : difference.changes)
        texts.push_back(to_string(change));
    return texts;
}

using Texts = std::vector<std::string>;

} // namespace

TEST_CASE("reload: a file that says the same in other words changes nothing") {
    const auto found = difference(load_with("timeouts: {udp: 5m}\n"),
                                  load_with("timeouts: {udp: 300s}\nlog: {level: info}\n"));
    CHECK(found.changes.empty());
    CHECK(found.fixed.empty());
}

TEST_CASE("reload: each changed key is named, with both values on one line") {
    const auto found = difference(
        load_with(
            "limits: {sessions_per_client: 100}\nclients: {deny: [\"2001:db8:bad::/48\"]}\n"),
        load_with("limits: {sessions_per_client: 0}\n"
                  "static: [{protocol: tcp, ipv6: \"[2001:db8::5]:80\", ipv4: "
                  "\"192.0.2.2:80\"}]\nlog: {level: debug}\n"));
    CHECK(changes(found) ==
          Texts{"static: [] -> [{protocol: tcp, ipv6: [2001:db8::5]:80, ipv4: 192.0.2.2:80}]",
                "clients.deny: [2001:db8:bad::/48] -> []",
                "limits.sessions_per_client: 100 -> 0",
                "log.level: info -> debug"});
    CHECK(found.fixed.empty());
}

TEST_CASE("reload: a key that was removed is back at its default") {
    const auto found = difference(
        load_with("timeouts: {udp: 10m}\nfiltering: address-dependent\n"), load_with(""));
    CHECK(changes(found) == Texts{"timeouts.udp: 10m -> 5m",
                                  "filtering: address-dependent -> endpoint-independent"});
}

TEST_CASE("reload: what is made at the start is refused by name, whatever else changes") {
    const auto found = difference(
        load_with("tun: {name: nat64}\n"),
        load_with("tun: {name: other}\nlimits: {sessions: 5, client_prefix: 64}\nicmp: {rate: "
                  "7}\n"));
    CHECK(fixed(found) == Texts{"tun.name: nat64 -> other",
                                "limits.sessions: 1000000 -> 5",
                                "limits.client_prefix: 128 -> 64"});
    CHECK(changes(found) == Texts{"icmp.rate: 1000 -> 7"});
}

TEST_CASE("reload: the other napt is refused, with the keys that come and go with it") {
    const auto found = difference(load_with(""), load_text("prefix: 2001:db8:64::/96\n"));
    const auto texts = fixed(found);
    REQUIRE_FALSE(texts.empty());
    CHECK(texts.front() == "napt: daemon -> kernel");
}

TEST_CASE("reload: MTUs change as long as the interface's own stays") {
    const auto before = load_with("mtu: {ipv6: 1400, ipv4: 1500}\n");
    const auto smaller = difference(before, load_with("mtu: {ipv6: 1300, ipv4: 1400}\n"));
    CHECK(smaller.fixed.empty());
    CHECK(smaller.changes.size() == 2);
    const auto larger = difference(before, load_with("mtu: {ipv6: 1400, ipv4: 9000}\n"));
    CHECK(fixed(larger) ==
          Texts{"mtu.ipv4: 1500 -> 9000 (the interface nat64 would need an MTU of 9000)"});
}

TEST_CASE("reload: ports come and go in static entries, whole hosts do not with napt: daemon") {
    const auto port = load_with(
        "static: [{protocol: tcp, ipv6: \"[2001:db8::5]:80\", ipv4: \"192.0.2.2:80\"}]\n");
    const auto host = load_with("static: [{ipv6: 2001:db8::5, ipv4: 192.0.2.2}]\n");
    CHECK(difference(load_with(""), port).fixed.empty());
    CHECK(difference(port, host).fixed.size() == 1);
    CHECK(difference(port, host).fixed.front().why == "it is about whole hosts");
    CHECK(difference(host, load_with("")).fixed.size() == 1);
}

TEST_CASE("reload: the inner pool that nat64 has chosen is kept while the file names none") {
    auto running = load_text("napt: kernel\n");
    use_inner_pool(running, Prefix4::parse("100.64.0.0/16").value());
    running.translator.gateway6 = Ipv6Addr::parse("2001:db8::1").value();
    auto wanted = load_text("napt: kernel\nlimits: {addresses_per_client: 3}\n");
    keep_choices(wanted, running);
    CHECK(wanted.translator.gateway4 == running.translator.gateway4);
    CHECK(wanted.translator.gateway6 == running.translator.gateway6);
    CHECK(changes(difference(running, wanted)) ==
          Texts{"limits.addresses_per_client: 256 -> 3"});

    auto other = load_text("napt: kernel\ninner_pool: 10.64.0.0/16\n");
    keep_choices(other, running);
    CHECK(fixed(difference(running, other)) ==
          Texts{"inner_pool: 100.64.0.0/16 -> 10.64.0.0/16"});
}

TEST_CASE(
    "reload: pool addresses go, and come back with the ports they had; others do not come") {
    const auto start = load_text("prefix: 2001:db8:64::/96\npool: [192.0.2.0/30]\n");
    const auto less = load_text("prefix: 2001:db8:64::/96\npool: [192.0.2.0/31, 192.0.2.3]\n");
    const auto more =
        load_text("prefix: 2001:db8:64::/96\npool: [192.0.2.0/30, 198.51.100.1]\n");
    const auto ports = load_text(
        "prefix: 2001:db8:64::/96\npool: [{address: 192.0.2.0/30, ports: 1024-65535}]\n");
    const auto& tables = start.napt.pool;
    CHECK(changes(config::difference(start, less, tables)) ==
          Texts{"pool: [192.0.2.0/30] -> [192.0.2.0/31, 192.0.2.3/32]"});
    CHECK(config::difference(less, start, tables).fixed.empty());
    CHECK(config::difference(start, more, tables).fixed.front().why ==
          "198.51.100.1 was not in the pool at the start, or had other ports");
    CHECK(config::difference(start, ports, tables).fixed.size() == 1);
    CHECK(left_out(tables, less.napt.pool) == std::vector{Ipv4Addr{192, 0, 2, 2}});
    CHECK(left_out(tables, tables).empty());
}

TEST_CASE("reload: a refusal says what to do, a line a key") {
    const auto found =
        difference(load_with(""), load_with("tun: {name: x}\nmtu: {ipv6: 9000}\n"));
    CHECK(to_string(found.fixed) ==
          "tun.name: nat64 -> x cannot change while nat64 runs: restart needed\n"
          "mtu.ipv6: 1500 -> 9000 cannot change while nat64 runs, because the interface nat64 "
          "would need an MTU of 9000: restart needed");
}
