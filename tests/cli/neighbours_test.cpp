// SPDX-License-Identifier: Apache-2.0
// `nat64 generate`: what the texts say. That the programs take them is a scenario's business.
#include "cli/generate.hpp"
#include "cli/neighbours.hpp"
#include "config/load.hpp"
#include "core/net/special_addresses.hpp"

#include <algorithm>
#include <sstream>
#include <string>

#include <doctest/doctest.h>

using namespace nat64;

namespace {

std::string generate(std::string_view what, std::string_view yaml) {
    const auto* const generator = cli::find_generator(what);
    REQUIRE(generator != nullptr);
    std::ostringstream out;
    generator->print(config::parse(yaml), out);
    return out.str();
}

bool contains(const std::string& text, std::string_view part) {
    return text.find(part) != std::string::npos;
}

constexpr auto kDaemon = "prefix: 2001:db8:64::/96\npool: [9.9.9.0/28, 8.8.8.8]\n"
                         "gateway: {ipv4: 9.9.9.100}\ntun: {name: xlat}\n";
constexpr auto kKernel = "prefix: 2001:db8:64::/96\n";

} // namespace

TEST_CASE("generate: each DNS64 synthesises the prefix of this configuration") {
    CHECK(contains(generate("unbound", kDaemon), "dns64-prefix: 2001:db8:64::/96"));
    CHECK(contains(generate("bind", kDaemon), "dns64 2001:db8:64::/96 {"));
}

TEST_CASE("RFC 6052 §3.1: under the well-known prefix DNS64 makes up no non-global address") {
    const auto synthesises = [](const std::vector<cli::SynthesisRule>& rules,
                                Ipv4Addr address) {
        const auto rule = std::ranges::find_if(
            rules, [&](const auto& candidate) { return candidate.prefix.contains(address); });
        return rule == rules.end() || rule->synthesis == cli::Synthesis::Yes;
    };
    const auto strict = cli::synthesis_rules(
        config::parse("pool: [8.8.8.0/28]\ndestinations: {allow: [10.1.0.0/16]}\n"));
    const auto lab = cli::synthesis_rules(
        config::parse("pool: [8.8.8.0/28]\nwkp_strict: false\n"
                      "destinations: {allow: [10.1.0.0/16], deny: [10.1.2.0/24, 9.9.9.9, "
                      "{prefix: 1.1.1.1, protocol: tcp}]}\n"));
    const auto lab_wants = [](Ipv4Addr address) {
        if (address == Ipv4Addr{9, 9, 9, 9}) return false;
        if (address.bits() >> 8 == 0x0a0102) return false;
        if (address.bits() >> 16 == 0x0a01) return true;
        return !is_never_forwarded(address) && !is_private(address);
    };
    const auto agrees = [&](Ipv4Addr address) {
        CAPTURE(address.to_string());
        CHECK(synthesises(strict, address) == is_global(address));
        CHECK(synthesises(lab, address) == lab_wants(address));
    };
    for (std::uint32_t high = 0; high < 1U << 24; high += 997)
        agrees(Ipv4Addr{high << 8 | 77});
    for (const auto* rules : {&strict, &lab}) // where a range begins and ends
        for (const auto& rule : *rules) {
            const auto first = rule.prefix.address().bits();
            const auto size = static_cast<std::uint32_t>(rule.prefix.size());
            for (const auto bits : {first - 1, first, first + size - 1, first + size})
                agrees(Ipv4Addr{bits});
        }
    agrees(Ipv4Addr{1, 1, 1, 1});
}

TEST_CASE("generate: fallback routes are for what is routed to the TUN, and yield to it") {
    const auto text = generate("networkd", kDaemon);
    for (const auto* route : {"2001:db8:64::/96", "9.9.9.0/28", "9.9.9.100/32", "8.8.8.8/32"})
        CHECK(contains(
            text, std::string{"Destination="} + route + "\nType=unreachable\nMetric=65535\n"));
}

TEST_CASE("generate: with the kernel's NAPT there is no pool to route or to announce") {
    CHECK_FALSE(contains(generate("networkd", kKernel), "9.9.9"));
    CHECK_FALSE(contains(generate("frr", kKernel), "NAT64-POOL permit"));
    CHECK(contains(generate("nftables", kKernel), "ct state established,related accept"));
}

TEST_CASE("generate: routes are announced from the TUN only, so a fallback route is not") {
    const auto text = generate("frr", kDaemon);
    CHECK(contains(text, "match interface xlat"));
    CHECK(contains(text, "ip prefix-list NAT64-POOL seq 5 permit 8.8.8.8/32"));
    CHECK(contains(text, "ipv6 prefix-list NAT64-PREFIX seq 5 permit 2001:db8:64::/96"));
}

TEST_CASE("generate: the firewall lets pool and prefix pass at the TUN, and nothing else") {
    const auto text = generate("nftables", kDaemon);
    CHECK(contains(text, "oifname \"xlat\" ip6 daddr 2001:db8:64::/96 accept"));
    CHECK(contains(text, "oifname \"xlat\" ip daddr { 8.8.8.8/32, 9.9.9.0/28"));
    CHECK_FALSE(contains(text, "policy"));
}

TEST_CASE("generate: an unknown neighbour is no generator") {
    CHECK(cli::find_generator("dnsmasq") == nullptr);
    CHECK(contains(cli::generator_names(), "unbound|bind|"));
}
