// SPDX-License-Identifier: Apache-2.0
// clients and destinations: what arrives in the policy, and what is refused.
#include "config/print.hpp"
#include "tests/config/support.hpp"

using namespace nat64;
using namespace nat64::config;
using test::check_refused;
using test::load_with;

TEST_CASE("clients, destinations: all of it arrives in the policy") {
    const auto policy = load_with(R"(
clients: {allow: ["2001:db8::/32", fd00::/8], deny: ["2001:db8:bad::/48"]}
destinations:
  private: true
  allow: [198.51.100.25, {prefix: 10.0.0.0/8, protocol: udp}]
  deny:
    - {prefix: 0.0.0.0/0, protocol: tcp, ports: 25}
    - {prefix: 203.0.113.0/24, ports: 6881-6999}
    - {prefix: 203.0.113.0/24, protocol: icmp}
)")
                            .policy;
    const auto p4 = [](const char* text) { return Prefix4::parse(text).value(); };
    const auto p6 = [](const char* text) { return Prefix6::parse(text).value(); };
    CHECK(policy.clients_allow == std::vector{p6("2001:db8::/32"), p6("fd00::/8")});
    CHECK(policy.clients_deny == std::vector{p6("2001:db8:bad::/48")});
    CHECK(policy.private_destinations == PrivateDestinations::Reachable);
    CHECK(policy.destinations_allow ==
          std::vector<DestinationRule>{{p4("198.51.100.25"), {}},
                                       {p4("10.0.0.0/8"), L4Proto::Udp}});
    CHECK(policy.destinations_deny ==
          std::vector<DestinationRule>{{Prefix4{}, L4Proto::Tcp, {Port{25}, Port{25}}},
                                       {p4("203.0.113.0/24"), {}, {Port{6881}, Port{6999}}},
                                       {p4("203.0.113.0/24"), L4Proto::Icmp}});
}

TEST_CASE("clients, destinations: by default all clients, and no private destinations") {
    CHECK(load_with("").policy == PolicySettings{});
    CHECK(load_with("clients: {allow: []}\n").policy.clients_allow.empty());
}

TEST_CASE("clients, destinations: what is printed is read back as the same") {
    const auto config = load_with(R"(
clients: {allow: ["::/0"], deny: ["2001:db8:bad::/48", "::1"]}
destinations:
  allow: [{prefix: 10.0.0.0/8, protocol: udp, ports: 53}]
  deny: [{prefix: 0.0.0.0/0, protocol: tcp, ports: 25}, 198.51.100.0/24]
)");
    CHECK(config::parse(config::print(config)).policy == config.policy);
}

TEST_CASE("clients, destinations: bad items are refused with place and remedy") {
    for (const auto& refused : std::initializer_list<test::Refused>{
             {"clients: {allow: [192.0.2.0/24]}\n",
              "nat64.yaml:1:19: clients.allow[0]: ",
              "'192.0.2.0/24' is not an IPv6 prefix",
              "2001:db8::/32"},
             {"clients: {deny: \"::/0\"}\n", "nat64.yaml:1:17: clients.deny: ", "list", ""},
             {"destinations: {private: yes}\n",
              "nat64.yaml:1:25: destinations.private: ",
              "'yes' is not a boolean",
              "true or false"},
             {"destinations: {deny: [10.0.0.1/8]}\n",
              "nat64.yaml:1:23: destinations.deny[0]: ",
              "bits set",
              "did you mean 10.0.0.0/8"},
             {"destinations: {deny: [{protocol: tcp}]}\n",
              "nat64.yaml:1:23: destinations.deny[0]: ",
              "has no prefix",
              "ports: 25"},
             {"destinations: {deny: [{prefix: 0.0.0.0/0, protocol: sctp}]}\n",
              "nat64.yaml:1:53: destinations.deny[0].protocol: ",
              "'sctp' is not a protocol",
              "tcp, udp or icmp"},
             {"destinations: {deny: [{prefix: 0.0.0.0/0, ports: 0}]}\n",
              "nat64.yaml:1:50: destinations.deny[0].ports: ",
              "not a range",
              "1 to 65535"},
             {"destinations: {deny: [{prefix: 0.0.0.0/0, protocol: icmp, ports: 1}]}\n",
              "nat64.yaml:1:23: destinations.deny[0]: ",
              "icmp",
              "remove"},
             {"destinations: {allow: [{prefx: 0.0.0.0/0}]}\n",
              "nat64.yaml:1:25: destinations.allow[0].prefx: ",
              "unknown key",
              "'prefix'"},
             {"pool: [8.8.8.0/28]\ndestinations: {private: true}\n",
              "nat64.yaml:2:25: destinations.private: ",
              "RFC 6052 §3.1",
              "network-specific"},
             {"pool: [8.8.8.0/28]\ndestinations: {allow: [127.0.0.1]}\n",
              "nat64.yaml:2:24: destinations.allow[0]: ",
              "127.0.0.0/8",
              "never reached"},
         })
        check_refused(refused);
}

TEST_CASE("clients, destinations: lists are bounded") {
    std::string text = "clients:\n  deny:\n";
    for (std::size_t i = 0; i <= kMaxPolicyRules; ++i)
        text += "    - 2001:db8::" + std::to_string(i) + "\n";
    check_refused({text, "nat64.yaml:3:5: clients.deny: ", "257 items", "at most 256"});
}
