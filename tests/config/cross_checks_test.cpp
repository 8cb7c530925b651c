// SPDX-License-Identifier: Apache-2.0
// Rules between keys.
#include "tests/config/support.hpp"

#include <chrono>

using namespace nat64;
using namespace nat64::config;
using namespace std::chrono_literals;
using test::check_refused;

TEST_CASE("config: napt is daemon if there is a pool, else kernel") {
    CHECK(test::load_with("").napt_mode == NaptMode::Daemon);
    CHECK(config::defaults().napt_mode == NaptMode::Kernel);
    CHECK_FALSE(config::defaults().napt.inner_pool);
    check_refused(
        {"napt: daemon\n", "nat64.yaml: pool: ", "needs addresses", "[192.0.2.0/28]"});
    check_refused({"napt: daemon\npool: []\n",
                   "nat64.yaml:2:7: pool: ",
                   "needs addresses",
                   "napt: kernel"});
    check_refused({"pool: []\n", "nat64.yaml:1:7: pool: ", "needs addresses", ""});
}

TEST_CASE("config: a key that the chosen napt does not honour is refused by name") {
    for (const auto& refused : std::initializer_list<test::Refused>{
             {"napt: kernel\npool: [8.8.8.8]\n",
              "nat64.yaml:2:7: pool: ",
              "means nothing with napt: kernel",
              "choose the other"},
             {"filtering: endpoint-independent\n",
              "nat64.yaml:1:12: filtering: ",
              "kernel",
              ""},
             {"gateway: {ipv4: 8.8.8.8}\n", "nat64.yaml:1:17: gateway.ipv4: ", "kernel", ""},
             {"limits: {sessions: 5}\n", "nat64.yaml:1:20: limits.sessions: ", "kernel", ""},
             {"limits: {ports_per_client: 5}\n",
              "nat64.yaml:1:28: limits.ports_per_client: ",
              "kernel",
              ""},
             {"limits: {half_open_per_client: 5}\n",
              "nat64.yaml:1:32: limits.half_open_per_client: ",
              "kernel",
              ""},
             {"pool: [8.8.8.8]\ninner_pool: 100.64.0.0/16\n",
              "nat64.yaml:2:13: inner_pool: ",
              "means nothing with napt: daemon",
              ""},
             {"pool: [8.8.8.8]\nconntrack_ipv6: track\n",
              "nat64.yaml:2:17: conntrack_ipv6: ",
              "daemon",
              ""},
             {"pool: [8.8.8.8]\nshared_ports: 40000-49999\n",
              "nat64.yaml:2:15: shared_ports: ",
              "daemon",
              ""},
             {"pool: [8.8.8.8]\nlimits: {addresses_per_client: 5}\n",
              "nat64.yaml:2:32: limits.addresses_per_client: ",
              "daemon",
              ""},
         })
        check_refused(refused);
}

TEST_CASE("inner_pool: a /8 to /30 that routers forward; its first host is the gateway") {
    const auto config = test::load_text("inner_pool: 100.64.0.0/16\n");
    CHECK(config.napt.inner_pool == Prefix4::parse("100.64.0.0/16"));
    CHECK(config.translator.gateway4 == Ipv4Addr{100, 64, 0, 1});
    CHECK(config.napt.reserved == std::vector{Ipv4Addr{100, 64, 0, 1}});
    CHECK_NOTHROW(test::load_text("inner_pool: 192.0.2.0/30\n"));
    CHECK_NOTHROW(test::load_text("inner_pool: 10.0.0.0/8\n"));
    for (const auto& refused : std::initializer_list<test::Refused>{
             {"inner_pool: 100.64.0.0/31\n",
              "nat64.yaml:1:13: inner_pool: ",
              "length 31",
              "30"},
             {"inner_pool: 64.0.0.0/2\n", "nat64.yaml:1:13: inner_pool: ", "length 2", ""},
             {"inner_pool: 127.1.0.0/16\n",
              "nat64.yaml:1:13: inner_pool: ",
              "127.0.0.0/8",
              "remove the key"},
             {"inner_pool: 169.0.0.0/8\n", "nat64.yaml:1:13: ", "169.254.0.0/16", ""},
             {"inner_pool: 100.64.0.1/16\n", "nat64.yaml:1:13: ", "bits set behind", ""},
         })
        check_refused(refused);
}

TEST_CASE("static: with napt: kernel a host has an inner address, and no ports") {
    CHECK_NOTHROW(test::load_text(
        "inner_pool: 100.64.0.0/29\nstatic: [{ipv6: 2001:db8::6, ipv4: 100.64.0.2}]\n"));
    const std::string pool = "inner_pool: 100.64.0.0/29\n";
    for (const auto* const address : {"100.64.0.0", "100.64.0.1", "100.64.0.7", "192.0.2.1"}) {
        const auto text = pool + "static: [{ipv6: 2001:db8::6, ipv4: " + address + "}]\n";
        check_refused({text, "nat64.yaml:2:36: static[0].ipv4: ", address, "100.64.0.0/29"});
    }
    const auto port =
        pool +
        "static: [{protocol: tcp, ipv6: \"[2001:db8::6]:80\", ipv4: \"100.64.0.2:80\"}]\n";
    check_refused({port, "nat64.yaml:2:", "ports are conntrack's", "nftables"});
    check_refused({"static: [{ipv6: 2001:db8::6, ipv4: 100.64.0.2}]\n",
                   "nat64.yaml:1:9: static: ",
                   "needs inner_pool",
                   "100.64.0.0/16"});
}

TEST_CASE("RFC 6052 §3.1: the well-known prefix stands for global IPv4 addresses only") {
    for (const auto& refused : std::initializer_list<test::Refused>{
             {"pool: [10.1.0.0/28]\n",
              "nat64.yaml:1:8: pool[0]: 10.1.0.0 ",
              "not a global address",
              "network-specific prefix, or wkp_strict: false"},
             {"pool: [8.8.8.0/28, 100.64.0.1]\n",
              "nat64.yaml:1:20: pool[1]: ",
              "not a global",
              ""},
             {"pool: [192.0.2.0/28]\n",
              "nat64.yaml:1:8: pool[0]: ",
              "RFC 6052 §3.1",
              "in a lab"},
             {"pool: [8.8.8.0/28]\ngateway: {ipv4: 192.168.1.1}\n",
              "nat64.yaml:2:17: gateway.ipv4: ",
              "not a global address",
              "wkp_strict"},
         })
        check_refused(refused);
    CHECK_NOTHROW(test::load_text("pool: [192.0.2.0/28]\nwkp_strict: false\n"));
    CHECK_NOTHROW(test::load_text("pool: [10.0.0.0/28]\nprefix: 2001:db8::/96\n"));
    // RFC 8215: no such rule for the local-use prefix.
    CHECK_NOTHROW(test::load_text("pool: [10.0.0.0/28]\nprefix: 64:ff9b:1::/96\n"));
}

TEST_CASE("config: prefixes that no packet can carry are refused") {
    for (const auto* const prefix : {"ff00::/32", "fe80::/64", "::ffff:0:0/96", "::/96"}) {
        const auto text = std::string{"pool: [192.0.2.1]\nprefix: "} + prefix + "\n";
        check_refused({text, "nat64.yaml:2:9: prefix: ", "ordinary unicast", "64:ff9b::/96"});
    }
}

TEST_CASE("config: pool addresses are unicast, disjoint and not too many") {
    const auto pool = [](std::string_view items) {
        return "prefix: 2001:db8::/96\npool: [" + std::string{items} + "]\n";
    };
    for (const auto* const item : {"127.0.0.1",
                                   "0.0.0.0/24",
                                   "224.0.0.1",
                                   "169.254.1.0/24",
                                   "255.255.255.255",
                                   "240.0.0.0/28",
                                   "223.255.255.0/24, 224.0.0.0"}) {
        CAPTURE(item);
        const auto text = pool(item);
        check_refused(
            {text, "nat64.yaml:2:", "cannot be an address of a host", "routed to this"});
    }
    for (const auto* const items :
         {"192.0.2.0/28, 192.0.2.5",
          "192.0.2.5, 192.0.2.0/28",
          "192.0.2.1, 192.0.2.1",
          "192.0.2.0/24, 198.51.100.0/24, 192.0.2.128/25",
          "{address: 192.0.2.1, ports: 1-9}, {address: 192.0.2.1, ports: 10}"}) {
        CAPTURE(items);
        const auto text = pool(items);
        check_refused({text, "nat64.yaml:2:", "overlaps", "each address once"});
    }
    CHECK(test::load_text(pool("10.0.0.0/16")).napt.pool.size() == 1);
    const auto too_many = pool("10.0.0.0/16, 192.0.2.1");
    check_refused({too_many, "nat64.yaml:2:7: pool: 65537 ", "840 KiB", "at most 65536"});
    const auto all = pool("0.0.0.0/0, 0.0.0.0/0");
    check_refused({all, "nat64.yaml:2:7: pool: 8589934592 ", "too many", ""});
}

TEST_CASE("config: the gateway's address is taken out of the pool, or is the first of it") {
    using test::load_with;
    const auto inside = load_with("gateway: {ipv4: 192.0.2.5}\n");
    CHECK(inside.translator.gateway4 == Ipv4Addr{192, 0, 2, 5});
    CHECK(inside.napt.reserved == std::vector{Ipv4Addr{192, 0, 2, 5}});
    const auto outside = load_with("gateway: {ipv4: 198.51.100.1}\n");
    CHECK(outside.translator.gateway4 == Ipv4Addr{198, 51, 100, 1});
    CHECK(outside.napt.reserved.empty());
    const auto unset = load_with("");
    CHECK(unset.translator.gateway4 == Ipv4Addr{192, 0, 2, 0});
    CHECK(unset.napt.reserved.empty());
    check_refused({"prefix: 2001:db8::/96\npool: [192.0.2.1]\ngateway: {ipv4: 192.0.2.1}\n",
                   "nat64.yaml:3:17: gateway.ipv4: ",
                   "the pool's only address",
                   "remove the key"});
    check_refused({"prefix: 2001:db8::/96\npool: [192.0.2.1]\ngateway: {ipv4: 224.0.0.1}\n",
                   "nat64.yaml:3:17: gateway.ipv4: ",
                   "address of a router",
                   "routed to this machine"});
}

TEST_CASE("config: MTUs fit one another, and the TUN takes the largest") {
    CHECK(test::load_with("mtu: {ipv6: 1280, ipv4: 576}\n").tun.mtu == Mtu{1500});
    CHECK(test::load_with("mtu: {ipv6: 9000}\n").tun.mtu == Mtu{9000});
    check_refused({"pool: [8.8.8.8]\nmtu: {ipv6: 1400, lowest_ipv6: 1401}\n",
                   "nat64.yaml:2:32: mtu.lowest_ipv6: ",
                   "more than mtu.ipv6, which is 1400",
                   "1280 to mtu.ipv6"});
}

TEST_CASE("RFC 6146 §4, RFC 5508 REQ-2: timeouts below the minimums need timeouts.unsafe") {
    for (const auto& refused : std::initializer_list<test::Refused>{
             {"pool: [8.8.8.8]\ntimeouts: {udp: 119s}\n",
              "nat64.yaml:2:17: timeouts.udp: 1m59s ",
              "minimum of 2m",
              "timeouts.unsafe: true"},
             {"pool: [8.8.8.8]\ntimeouts: {tcp_established: 2h}\n",
              "nat64.yaml:2:29: timeouts.tcp_established: ",
              "minimum of 2h4m",
              "at least 2h4m"},
             {"pool: [8.8.8.8]\ntimeouts: {tcp_transitory: 3m}\n",
              "nat64.yaml:2:28: timeouts.tcp_transitory: ",
              "minimum of 4m",
              ""},
             {"pool: [8.8.8.8]\ntimeouts: {icmp: 59s}\n",
              "nat64.yaml:2:18: ",
              "minimum of 1m",
              ""},
             {"pool: [8.8.8.8]\ntimeouts: {icmp: 0s, unsafe: true}\n",
              "nat64.yaml:2:18: timeouts.icmp: ",
              "is zero",
              "at least 1s"},
         })
        check_refused(refused);
    CHECK(test::load_with("timeouts: {udp: 1500ms, unsafe: true}\n").napt.timeouts.udp ==
          1500ms);
    CHECK_NOTHROW(test::load_with("timeouts: {udp: 2m, tcp_established: 2h4m, icmp: 60s}\n"));
}

TEST_CASE("config: napt: kernel: timeouts are what conntrack can count") {
    for (const auto* const key : {"udp", "tcp_established", "tcp_transitory", "icmp"}) {
        const auto timeouts = "timeouts: {" + std::string{key} + ": ";
        const auto text = "napt: kernel\n" + timeouts + "577h}\n";
        CAPTURE(text);
        const auto place = "nat64.yaml:2:" + std::to_string(timeouts.size() + 1) +
                           ": timeouts." + key + ": 24d1h ";
        check_refused({text, place, "more than the kernel can count", "at most 24d"});
        CHECK_NOTHROW(test::load_text("napt: kernel\n" + timeouts + "24d}\n"));
        CHECK_NOTHROW(test::load_with(timeouts + "365d}\n"));
    }
}

TEST_CASE("config: static entries are whole, lie in the pool and belong to real hosts") {
    const auto text = [](std::string_view entry) {
        return "prefix: 2001:db8:64::/96\npool: [192.0.2.0/28, {address: 198.51.100.7, ports: "
               "1000-1999}]\ngateway: {ipv4: 192.0.2.1}\nstatic:\n  - {" +
               std::string{entry} + "}\n";
    };

    struct Case {
        std::string_view entry;
        std::string_view begin;
        std::string_view what;
    };

    for (const auto& c : std::initializer_list<Case>{
             {"ipv6: 2001:db8::6", "nat64.yaml:5:5: static[0]: ", "has no ipv4"},
             {"ipv4: 192.0.2.2", "nat64.yaml:5:5: static[0]: ", "has no ipv6"},
             {"ipv6: \"[2001:db8::6]:80\", ipv4: 192.0.2.2",
              "nat64.yaml:5:5: ",
              "one side only"},
             {"ipv6: \"[2001:db8::6]:80\", ipv4: \"192.0.2.2:80\"",
              "nat64.yaml:5:5: ",
              "no protocol"},
             {"protocol: tcp, ipv6: 2001:db8::6, ipv4: 192.0.2.2",
              "nat64.yaml:5:5: ",
              "no ports"},
             {"protocol: icmp, ipv6: 2001:db8::6, ipv4: 192.0.2.2",
              "nat64.yaml:5:16: static[0].protocol",
              "not a protocol with ports; write tcp or udp"},
             {"ipv6: 2001:db8::6:80, ipv4: \"192.0.2.2:80\"", "nat64.yaml:5:5: ", "one side"},
             {"ipv6: x, ipv4: 192.0.2.2", "nat64.yaml:5:12: static[0].ipv6", "IPv6 endpoint"},
             {"ipv6: 2001:db8::6, ipv4: \"192.0.2.2:0\"",
              "nat64.yaml:5:31: static[0].ipv4",
              "IPv4"},
             {"ipv6: 2001:db8::6, ipv4: 203.0.113.1",
              "nat64.yaml:5:31: static[0].ipv4",
              "not in the"},
             {"ipv6: 2001:db8::6, ipv4: 192.0.2.16", "nat64.yaml:5:31: ", "not in the pool"},
             {"ipv6: 2001:db8::6, ipv4: 192.0.2.1", "nat64.yaml:5:31: ", "is gateway.ipv4"},
             {"ipv6: 2001:db8::6, ipv4: 198.51.100.7", "nat64.yaml:5:31: ", "needs all ports"},
             {"protocol: udp, ipv6: \"[2001:db8::6]:80\", ipv4: \"198.51.100.7:80\"",
              "nat64.yaml:5:53: static[0].ipv4",
              "port 80 is not among the pool's 1000-1999"},
             {"ipv6: ff02::1, ipv4: 192.0.2.2",
              "nat64.yaml:5:12: static[0].ipv6",
              "cannot be the"},
             {"ipv6: \"::1\", ipv4: 192.0.2.2",
              "nat64.yaml:5:12: static[0].ipv6",
              "cannot be the"},
             {"ipv6: 2001:db8:64::1, ipv4: 192.0.2.2", "nat64.yaml:5:12: ", "cannot be the"},
         }) {
        const auto whole = text(c.entry);
        check_refused({whole, c.begin, c.what, ""});
    }
    const auto good =
        text("protocol: udp, ipv6: \"[2001:db8::6]:80\", ipv4: \"198.51.100.7:1999\"");
    CHECK(test::load_text(good).napt.statics.size() == 1);
    check_refused(
        {"pool: [8.8.8.8]\nstatic: [x]\n", "nat64.yaml:2:10: static[0]", "not a map", ""});
}

TEST_CASE("config: static entries do not contradict one another") {
    const auto count = [](std::initializer_list<std::string_view> entries) {
        std::string text = std::string{test::kMinimal} + "static:\n";
        for (const auto entry : entries)
            text += "  - {" + std::string{entry} + "}\n";
        try {
            (void)test::load_text(text);
            return std::size_t{0};
        } catch (const ConfigError& error) {
            for (const auto& problem : error.problems())
                CHECK(problem.what.starts_with("contradicts static[0]"));
            return error.problems().size();
        }
    };
    constexpr auto kTcp = R"(protocol: tcp, ipv6: "[2001:db8::5]:80", ipv4: "192.0.2.2:80")";
    CHECK(count({kTcp}) == 0);
    // The same port with the other protocol, and another port of the same host, are others.
    CHECK(count({kTcp, R"(protocol: udp, ipv6: "[2001:db8::5]:80", ipv4: "192.0.2.2:80")"}) ==
          0);
    CHECK(count({kTcp, R"(protocol: tcp, ipv6: "[2001:db8::5]:81", ipv4: "192.0.2.3:80")"}) ==
          0);
    CHECK(count({kTcp, kTcp}) == 1);
    CHECK(count({kTcp, R"(protocol: tcp, ipv6: "[2001:db8::6]:80", ipv4: "192.0.2.2:80")"}) ==
          1);
    CHECK(count({kTcp, R"(protocol: tcp, ipv6: "[2001:db8::5]:80", ipv4: "192.0.2.3:80")"}) ==
          1);
    CHECK(count({kTcp, "ipv6: 2001:db8::6, ipv4: 192.0.2.2"}) == 1);
    CHECK(count({kTcp, "ipv6: 2001:db8::5, ipv4: 192.0.2.3"}) == 1);
    CHECK(count({"ipv6: 2001:db8::5, ipv4: 192.0.2.2", kTcp}) == 1);
    CHECK(count({"ipv6: 2001:db8::5, ipv4: 192.0.2.2", "ipv6: 2001:db8::6, ipv4: 192.0.2.2"}) ==
          1);
    CHECK(count({"ipv6: 2001:db8::5, ipv4: 192.0.2.2", "ipv6: 2001:db8::5, ipv4: 192.0.2.3"}) ==
          1);
    CHECK(count({"ipv6: 2001:db8::5, ipv4: 192.0.2.2", "ipv6: 2001:db8::6, ipv4: 192.0.2.3"}) ==
          0);
}

TEST_CASE("config: metrics and control have a socket each") {
    check_refused({"control: {socket: /run/n.sock}\nmetrics: {listen: 'unix:/run/n.sock'}\n",
                   "nat64.yaml:2:19: metrics.listen: ",
                   "control.socket, too",
                   "of its own"});
    CHECK(test::load_with("metrics: {listen: 'unix:/run/m.sock'}\n").metrics.listen);
}
