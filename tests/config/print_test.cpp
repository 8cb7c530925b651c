// SPDX-License-Identifier: Apache-2.0
// The printed configuration is complete, says what was chosen, and reads back as the same one.
#include "config/print.hpp"
#include "tests/config/support.hpp"

using namespace nat64;
using namespace nat64::config;

namespace {

void check_round_trip(const Config& config) {
    const auto text = print(config);
    CAPTURE(text);
    CHECK(parse(text, config.file) == config);
}

} // namespace

TEST_CASE("print: what is printed reads back as the same configuration") {
    for (const auto* const more :
         {"",
          "gateway: {ipv4: 192.0.2.0}\n",
          "gateway: {ipv4: 192.0.2.7}\n",
          "gateway: {ipv4: 198.51.100.7}\n",
          "tun: {name: a.b-c_d, offload: off}\n",
          "mtu: {ipv6: 9000, ipv4: 576, lowest_ipv6: 1400}\n",
          "timeouts: {udp: 1s500ms, unsafe: true}\n",
          "timeouts: {fragments: 1m}\ndscp: {to_ipv4: 63, to_ipv6: copy}\n",
          "timeouts: {udp: 30d, tcp_established: 1d2h3m4s}\n",
          "filtering: address-dependent\n",
          "wkp_strict: false\n",
          "limits: {sessions: 1, client_prefix: 48, sessions_per_client: 0}\n",
          "control: {socket: \"/tmp/a b\\\"c\\\\d: #é\", group: nat64}\n",
          "control: {group: \"\"}\n",
          "control: {group: \"123\"}\n",
          "log: {level: trace, bindings: true}\n",
          "static:\n"
          "  - {protocol: udp, ipv6: \"[2001:db8::5]:8080\", ipv4: \"192.0.2.2:80\"}\n"
          "  - {ipv6: 2001:db8::6, ipv4: 192.0.2.3}\n"}) {
        CAPTURE(more);
        check_round_trip(test::load_with(more));
    }
    for (const auto* const kernel :
         {"",
          "napt: kernel\n",
          "inner_pool: 198.18.0.0/24\nconntrack_ipv6: notrack\n",
          "shared_ports: 40000-49999\n",
          "limits: {addresses_per_client: 3, client_prefix: 64, sessions_per_client: 9}\n",
          "inner_pool: 100.64.0.0/16\nstatic: [{ipv6: 2001:db8::6, ipv4: 100.64.9.9}]\n"}) {
        CAPTURE(kernel);
        check_round_trip(test::load_text(kernel));
    }
    check_round_trip(test::load_text("pool: [8.8.8.8, {address: 9.9.9.0/24, ports: "
                                     "1024-65535}, {address: 1.1.1.1, ports: 5}]"));
}

TEST_CASE("print: says which address is the gateway when none is configured") {
    CHECK(print(test::load_with(""))
              .find("# gateway.ipv4: unset: ICMP errors leave from "
                    "192.0.2.0, the first pool address") != std::string::npos);
    CHECK(print(test::load_with("gateway: {ipv4: 192.0.2.7}\n"))
              .find("  ipv4: 192.0.2.7  # taken out of the pool") != std::string::npos);
}
