// SPDX-License-Identifier: Apache-2.0
// Each key by itself: good values arrive where they belong, bad ones are refused with place and
// remedy.
#include "tests/config/support.hpp"

#include <chrono>

using namespace nat64;
using namespace nat64::config;
using namespace std::chrono_literals;
using test::check_refused;
using test::load_with;

TEST_CASE("mtu.clamp_mss: off unless it is asked for") {
    CHECK_FALSE(test::load_with("").translator.rfc7915.clamp_mss);
    CHECK(test::load_with("mtu: {clamp_mss: true}\n").translator.rfc7915.clamp_mss);
}

TEST_CASE("config: a full configuration arrives in the settings") {
    const auto config = test::load_text(R"(
version: 1
prefix: 2001:db8:64::/96
wkp_strict: false
napt: daemon
pool:
  - 192.0.2.0/28
  - {address: 198.51.100.7, ports: 20000-39999}
static:
  - {protocol: tcp, ipv6: "[2001:db8::5]:8080", ipv4: "192.0.2.2:80"}
  - {ipv6: 2001:db8::6, ipv4: 192.0.2.3}
gateway: {ipv4: 192.0.2.1}
tun: {name: n64-a, offload: off}
mtu: {ipv6: 1400, ipv4: 9000, lowest_ipv6: 1300}
timeouts: {udp: 3m, tcp_established: 3h, tcp_transitory: 5m, icmp: 90s, fragments: 5s}
dscp: {to_ipv4: 46, to_ipv6: 0}
filtering: address-dependent
limits: {sessions: 10, client_prefix: 64, sessions_per_client: 20, ports_per_client: 30,
         half_open_per_client: 40, new_sessions_per_second: 50,
         half_open: 15, new_sessions_per_second_in_all: 60}
icmp: {rate: 60}
control: {socket: /tmp/x.sock, group: adm}
log: {level: debug, bindings: true, sessions: true}
)");
    CHECK(config.napt_mode == NaptMode::Daemon);
    CHECK(config.napt.prefix.to_string() == "2001:db8:64::/96");
    CHECK(config.translator.prefix == config.napt.prefix);
    CHECK_FALSE(config.translator.wkp_strict);
    REQUIRE(config.napt.pool.size() == 2);
    CHECK(config.napt.pool[0] == PoolItem{*Prefix4::parse("192.0.2.0/28"), {}});
    CHECK(config.napt.pool[1] ==
          PoolItem{*Prefix4::parse("198.51.100.7"), {Port{20000}, Port{39999}}});
    REQUIRE(config.napt.statics.size() == 2);
    CHECK(config.napt.statics[0].protocol == L4Proto::Tcp);
    CHECK(config.napt.statics[0].client6.to_string() == "[2001:db8::5]:8080");
    CHECK(config.napt.statics[0].mapped4.to_string() == "192.0.2.2:80");
    CHECK_FALSE(config.napt.statics[1].protocol);
    CHECK(config.napt.statics[1].mapped4.port == Port{});
    CHECK(config.translator.gateway4 == Ipv4Addr{192, 0, 2, 1});
    CHECK(config.napt.reserved == std::vector{Ipv4Addr{192, 0, 2, 1}});
    CHECK(config.tun == Tun{"n64-a", OffloadMode::Off, Mtu{9000}});
    CHECK(config.translator.rfc7915.ipv6_mtu == Mtu{1400});
    CHECK(config.translator.rfc7915.ipv4_mtu == Mtu{9000});
    CHECK(config.translator.rfc7915.lowest_ipv6_mtu == Mtu{1300});
    CHECK(config.napt.timeouts == Timeouts{3min, 3h, 5min, 90s, 6s});
    CHECK(config.translator.fragment_timeout == 5s);
    CHECK(config.translator.rfc7915.dscp_to_ipv4 == rfc7915::Dscp::fixed(46));
    CHECK(config.translator.rfc7915.dscp_to_ipv6 == rfc7915::Dscp::fixed(0));
    CHECK(config.napt.filtering == Filtering::AddressDependent);
    CHECK(config.napt.limits == Limits{10, 15, 60, 64, 20, 30, 40, 50});
    CHECK(config.translator.icmp_errors_per_second == 60);
    CHECK(config.control == Control{"/tmp/x.sock", "adm", false});
    CHECK(config.log == Log{LogLevel::Debug, LogFormat::Text, true, true, false});
}

TEST_CASE("config: an absent key has the default of its type") {
    const auto config = load_with("");
    CHECK(config.napt.timeouts == Timeouts{});
    CHECK(config.napt.limits == Limits{});
    CHECK(config.tun == Tun{});
    CHECK(config.control == Control{});
    CHECK(config.log == Log{});
    CHECK(test::load_text("pool: [8.8.8.0/28]").napt.prefix == rfc6052::Nat64Prefix{});
}

TEST_CASE("config: a prefix may be put together from a site's prefix and a suffix") {
    const auto config = test::load_text(
        "pool: [192.0.2.0/28]\nprefix: {within: 2001:db8:5::/64, suffix: 0:6464}\n");
    CHECK(config.napt.prefix.to_string() == "2001:db8:5::6464:0:0/96");
}

TEST_CASE("RFC 6052 §2.2: a prefix of another length or with bits in octet 8 is refused") {
    for (const auto& refused : std::initializer_list<test::Refused>{
             {"prefix: 2001:db8::/33\n",
              "nat64.yaml:1:9: prefix: ",
              "has length 33",
              "32, 40, 48"},
             {"prefix: 2001:db8::1\n",
              "nat64.yaml:1:9: prefix: ",
              "length 128",
              "RFC 6052 §2.2"},
             {"prefix: 2001:db8:0:0:ff00::/96\n",
              "nat64.yaml:1:9: prefix: ",
              "ninth octet",
              "zero"},
             {"prefix: 2001:db8::1/96\n",
              "nat64.yaml:1:9: ",
              "not an IPv6 prefix",
              "host bits"},
             {"prefix: 192.0.2.0/24\n",
              "nat64.yaml:1:9: ",
              "not an IPv6 prefix",
              "64:ff9b::/96"},
             {"prefix: [64:ff9b::/96]\n", "nat64.yaml:1:9: prefix: ", "not yet", "one prefix"},
             {"prefix: {within: 2001:db8::/64}\n",
              "nat64.yaml:1:9: prefix: ",
              "both",
              "suffix: 0"},
             {"prefix: {within: 2001:db8::/64, suffix: xyz}\n",
              "nat64.yaml:1:9: prefix: ",
              "suffix 'xyz' is not",
              ""},
             {"prefix: {within: 2001:db8::/64, suffix: \"ff00:0\"}\n",
              "nat64.yaml:1:9: prefix: ",
              "ninth octet",
              ""},
             {"prefix: {within: \"\", suffix: 0}\n",
              "nat64.yaml:1:18: prefix.within",
              "",
              "/64"},
             {"prefix: {inside: x}\n", "nat64.yaml:1:10: prefix.inside: ", "unknown key", ""},
         })
        check_refused(refused);
}

TEST_CASE("config: numbers are decimal, plain and in range") {
    for (const auto& refused : std::initializer_list<test::Refused>{
             {"limits: {sessions: 010}\n",
              "nat64.yaml:1:20: limits.sessions: '010' ",
              "octal",
              "1 to"},
             {"limits: {sessions: 0x10}\n",
              "nat64.yaml:1:20: limits.sessions",
              "decimal",
              "1 to"},
             {"limits: {sessions: 1e6}\n", "nat64.yaml:1:20: ", "whole number", "100000000"},
             {"limits: {sessions: 1.5}\n", "nat64.yaml:1:20: ", "whole number", ""},
             {"limits: {sessions: -1}\n", "nat64.yaml:1:20: ", "whole number", ""},
             {"limits: {sessions: \"5\"}\n",
              "nat64.yaml:1:20: ",
              "is not a number",
              "without quotes"},
             {"limits: {sessions: 0}\n", "nat64.yaml:1:20: ", "out of range", "from 1 to"},
             {"limits: {sessions: [5]}\n",
              "nat64.yaml:1:20: limits.sessions: ",
              "not a number",
              ""},
             {"limits: {ports_per_client: 4294967296}\n",
              "nat64.yaml:1:28: ",
              "out of range",
              ""},
             {"limits: {ports_per_client: 99999999999999999999}\n",
              "nat64.yaml:1:28: ",
              "is too large",
              "from 0 to 4294967295"},
             {"limits: {client_prefix: 129}\n", "nat64.yaml:1:25: ", "range", "1 to 128"},
             {"icmp: {rate: 1000001}\n", "nat64.yaml:1:14: icmp.rate", "range", "0 to 1000000"},
             {"mtu: {ipv6: 1279}\n", "nat64.yaml:1:13: mtu.ipv6", "range", "1280 to 65535"},
             {"mtu: {ipv4: 67}\n", "nat64.yaml:1:13: mtu.ipv4", "range", "68 to 65535"},
             {"mtu: {lowest_ipv6: 65536}\n", "nat64.yaml:1:20: ", "range", "1280"},
             {"version: 2\n", "nat64.yaml:1:10: version", "not a version", "write 1"},
             {"version: 01\n", "nat64.yaml:1:10: version", "not a version", "write 1"},
         })
        check_refused(refused);
}

TEST_CASE("config: booleans are true or false, words are one of the choices") {
    for (const auto& refused : std::initializer_list<test::Refused>{
             {"wkp_strict: yes\n",
              "nat64.yaml:1:13: wkp_strict: 'yes' ",
              "boolean",
              "true or false"},
             {"wkp_strict: on\n", "nat64.yaml:1:13: ", "not a boolean", ""},
             {"wkp_strict: True\n", "nat64.yaml:1:13: ", "not a boolean", ""},
             {"wkp_strict: \"true\"\n", "nat64.yaml:1:13: ", "not a boolean", ""},
             {"wkp_strict: 1\n", "nat64.yaml:1:13: ", "not a boolean", ""},
             {"log: {bindings: n}\n", "nat64.yaml:1:17: log.bindings", "not a boolean", ""},
             {"log: {sessions: []}\n", "nat64.yaml:1:17: log.sessions", "not a boolean", ""},
             {"timeouts: {unsafe: 'no'}\n", "nat64.yaml:1:20: timeouts.unsafe", "boolean", ""},
             {"log: {level: warn}\n", "nat64.yaml:1:14: log.level", "choices", "mean warning?"},
             {"log: {level: 7}\n", "nat64.yaml:1:14: log.level", "choices", "trace, debug"},
             {"filtering: endpoint\n",
              "nat64.yaml:1:12: filtering: ",
              "choices",
              "mean endpoint-independent?"},
             {"napt: deamon\n", "nat64.yaml:1:7: napt: ", "choices", "mean daemon?"},
             {"tun: {offload: true}\n",
              "nat64.yaml:1:16: tun.offload",
              "choices",
              "auto or off"},
         })
        check_refused(refused);
}

TEST_CASE("config: every kind of value is refused where another is expected") {
    for (const auto& refused : std::initializer_list<test::Refused>{
             {"tun: nat64\n", "nat64.yaml:1:6: tun: ", "is not a map", "write keys below tun"},
             {"tun: [nat64]\n", "nat64.yaml:1:6: tun: ", "is not a map", ""},
             {"tun:\nversion: 1\n", "nat64.yaml:", "has no value", "remove the key"},
             {"prefix: ~\n", "nat64.yaml:1:9: prefix: ", "has no value", ""},
             {"pool: 192.0.2.0/28\n", "nat64.yaml:1:7: pool: ", "is not a list", "a list of"},
             {"pool: {address: 192.0.2.1}\n", "nat64.yaml:1:7: pool: ", "is not a list", ""},
             {"pool: [[192.0.2.1]]\n",
              "nat64.yaml:1:8: pool[0]: ",
              "not an IPv4",
              "192.0.2.0/28"},
             {"pool: [192.0.2.1/28]\n",
              "nat64.yaml:1:8: pool[0]: ",
              "bits set behind",
              "did you mean 192.0.2.0/28 or 192.0.2.1?"},
             {"pool: [2001:db8::/64]\n", "nat64.yaml:1:8: pool[0]: ", "not an IPv4", ""},
             {"pool: [192.0.2.0/33]\n", "nat64.yaml:1:8: pool[0]: ", "not an IPv4", ""},
             {"pool: [192.0.2.010]\n", "nat64.yaml:1:8: pool[0]: ", "not an IPv4", ""},
             {"pool: [~]\n", "nat64.yaml:1:8: pool[0]: ", "not an IPv4", ""},
             {"pool:\n  - 192.0.2.0/28\n  - {ports: 1-5}\n",
              "nat64.yaml:3:5: pool[1]: ",
              "has no address",
              "{address: 192.0.2.1}"},
             {"pool:\n  - {address: 192.0.2.1, ports: 70000}\n",
              "nat64.yaml:2:33: pool[0].ports: '70000' ",
              "not a range of ports",
              "FIRST-LAST"},
             {"pool: [{address: 192.0.2.1, ports: 5-1}]\n",
              "nat64.yaml:1:36: pool[0].ports",
              "",
              ""},
             {"gateway: {ipv4: 2001:db8::1}\n", "nat64.yaml:1:17: gateway.ipv4", "IPv4", ""},
             {"timeouts: {udp: 300}\n",
              "nat64.yaml:1:17: timeouts.udp",
              "duration",
              "units d, h"},
             {"control: {socket: nat64.sock}\n",
              "nat64.yaml:1:19: control.socket",
              "",
              "absolute"},
             {"control: {group: \"a b\"}\n",
              "nat64.yaml:1:18: control.group",
              "name of a group",
              ""},
         })
        check_refused(refused);
}

TEST_CASE("config: the name of the TUN device is one that the kernel takes") {
    CHECK(load_with("tun: {name: a}\n").tun.name == "a");
    CHECK(load_with("tun: {name: nat64-test_1.50}\n").tun.name == "nat64-test_1.50");
    for (const auto* const name : {"''",
                                   "abcdefghijklmnop",
                                   "'.'",
                                   "'..'",
                                   "a/b",
                                   "'a b'",
                                   "'a%d'",
                                   "'a:1'",
                                   "'é'",
                                   "[a]"}) {
        CAPTURE(name);
        const auto text = std::string{"tun: {name: "} + name + "}\n";
        check_refused(
            {text, "nat64.yaml:1:13: tun.name: ", "network device", "1 to 15 letters"});
    }
}

TEST_CASE("config: the socket path fits the kernel's 108 bytes") {
    const auto path = "/" + std::string(106, 'x');
    CHECK(load_with("control: {socket: " + path + "}\n").control.socket == path);
    const auto text = "control: {socket: " + path + "x}\n";
    check_refused({text, "nat64.yaml:1:19: control.socket: ", "not the path", "107 bytes"});
    check_refused({"control: {socket: /run/}\n", "nat64.yaml:1:19: ", "not the path", ""});
    CHECK(load_with("control: {group: ''}\n").control ==
          Control{"/run/nat64/nat64.sock", "", false});
}

TEST_CASE("config: metrics are served at an address with a port or at a path") {
    const auto listen = [](const std::string& text) {
        return load_with("metrics: {listen: '" + text + "'}\n").metrics.listen;
    };
    CHECK(listen("127.0.0.1:9464") ==
          ListenAddress{Endpoint4{Ipv4Addr{127, 0, 0, 1}, Port{9464}}});
    CHECK(listen("[::1]:9464") ==
          ListenAddress{Endpoint6{*Ipv6Addr::parse("::1"), Port{9464}}});
    CHECK(listen("unix:/run/m.sock") == ListenAddress{std::filesystem::path{"/run/m.sock"}});
    CHECK(load_with("").metrics.listen == std::nullopt);
    for (const auto* const text : {"9464",
                                   ":9464",
                                   "127.0.0.1",
                                   "::1",
                                   "127.0.0.1:0",
                                   "localhost:9464",
                                   "unix:m.sock"}) {
        CAPTURE(text);
        check_refused({std::string{"metrics: {listen: '"} + text + "'}\n",
                       "nat64.yaml:1:19: metrics.listen: ",
                       "no place to listen",
                       "127.0.0.1:9464"});
    }
}

TEST_CASE("config: destinations are logged with sessions, or not at all") {
    CHECK(load_with("log: {sessions: true, destinations: true}\n").log.destinations);
    CHECK(load_with("log: {format: json}\n").log.format == LogFormat::Json);
    check_refused({"log: {destinations: true}\npool: [8.8.8.0/28]\n",
                   "nat64.yaml:1:21: log.destinations: ",
                   "log.sessions",
                   ""});
}

TEST_CASE("config: several problems are reported together, up to a bound") {
    try {
        (void)test::load_text("version: 2\nbanana: 1\ntun: {name: a/b}\n");
        FAIL("loaded");
    } catch (const ConfigError& error) {
        REQUIRE(error.problems().size() == 3);
        CHECK(error.problems()[0].mark == Mark{1, 10});
        CHECK(error.problems()[1].key == "banana");
        CHECK(error.problems()[2].key == "tun.name");
    }
    std::string many;
    for (int i = 0; i < 1000; ++i)
        many += "key" + std::to_string(i) + ": 1\n";
    try {
        (void)test::load_text(many);
        FAIL("loaded");
    } catch (const ConfigError& error) {
        CHECK(error.problems().size() == 20);
    }
}

TEST_CASE("config: a long value or key is cut in the message, between characters") {
    try {
        (void)test::load_text(std::string(59, 'x') + "ääääääää: 1\n");
        FAIL("loaded");
    } catch (const ConfigError& error) {
        CHECK(error.problems()[0].key == std::string(59, 'x') + "...");
    }
}
