// SPDX-License-Identifier: Apache-2.0
// Templates, and the few facts that go into them.
#include "cli/neighbours.hpp"

#include "core/net/address.hpp"
#include "core/net/special_addresses.hpp"
#include "core/policy.hpp"
#include "daemon/machine_check.hpp"

#include <algorithm>
#include <array>
#include <functional>
#include <ostream>
#include <string>
#include <string_view>
#include <variant>

#include <fmt/format.h>
#include <fmt/ostream.h>

namespace nat64::cli {

namespace {

using config::Config;
using config::NaptMode;

constexpr auto kSpecial = std::to_array<std::string_view>({"0.0.0.0/8",
                                                           "10.0.0.0/8",
                                                           "100.64.0.0/10",
                                                           "127.0.0.0/8",
                                                           "169.254.0.0/16",
                                                           "172.16.0.0/12",
                                                           "192.0.2.0/24",
                                                           "192.88.99.0/24",
                                                           "192.168.0.0/16",
                                                           "198.18.0.0/15",
                                                           "198.51.100.0/24",
                                                           "203.0.113.0/24",
                                                           "224.0.0.0/4",
                                                           "240.0.0.0/4"});

/// The prefixes of the IPv4 side that are routed to the TUN, as far as the configuration
/// tells.
std::vector<Prefix4> own_prefixes(const Config& config) {
    if (config.napt_mode == NaptMode::Kernel && !config.napt.inner_pool) return {};
    std::vector<Prefix4> own;
    for (const auto& route : daemon::routes_to_tun(config))
        if (const auto* prefix = std::get_if<Prefix4>(&route)) own.push_back(*prefix);
    return own;
}

std::string joined(const std::vector<Prefix4>& prefixes, std::string_view separator) {
    std::string text;
    for (const auto& prefix : prefixes)
        text += (text.empty() ? "" : std::string{separator}) + prefix.to_string();
    return text;
}

bool has_pool(const Config& config) {
    return config.napt_mode == NaptMode::Daemon;
}

} // namespace

std::vector<SynthesisRule> synthesis_rules(const Config& config) {
    const bool only_global = config.napt.prefix.is_well_known() && config.translator.wkp_strict;
    const bool no_private = config.policy.private_destinations == PrivateDestinations::Refused;
    std::vector<SynthesisRule> first; // what no rule of the configuration permits
    std::vector<SynthesisRule> rules; // the longest match decides, deny before allow
    const auto add = [&](const std::vector<DestinationRule>& given, Synthesis synthesis) {
        for (const auto& rule : given)
            if (!rule.protocol && rule.ports == kAllPorts)
                rules.push_back({rule.prefix, synthesis});
    };
    add(config.policy.destinations_deny, Synthesis::No);
    add(config.policy.destinations_allow, Synthesis::Yes);
    for (const auto text : kSpecial) {
        // NOLINTNEXTLINE(bugprone-unchecked-optional-access): throws, as it should
        const auto range = Prefix4::parse(text).value();
        if (only_global || is_never_forwarded(range.address()))
            first.push_back({range, Synthesis::No});
        else if (no_private && is_private(range.address()))
            rules.push_back({range, Synthesis::No});
    }
    std::ranges::stable_sort(
        rules, std::ranges::greater{}, [](const auto& rule) { return rule.prefix.length(); });
    first.insert(first.end(), rules.begin(), rules.end());
    return first;
}

void print_unbound(const Config& config, std::ostream& out) {
    fmt::print(out,
               R"(# DNS64 for nat64 with prefix {0}, made by `nat64 generate unbound`.
# Save as /etc/unbound/unbound.conf.d/nat64.conf, then: unbound-checkconf && systemctl reload unbound
# Listening addresses and `access-control:` for your clients are yours to add.
server:
    module-config: "dns64 validator iterator"
    dns64-prefix: {0}
    # A name with both kinds of addresses keeps its own AAAA records.
    dns64-synthall: no
)",
               config.napt.prefix.to_string());
}

void print_bind(const Config& config, std::ostream& out) {
    std::string mapped;
    for (const auto& [prefix, synthesis] : synthesis_rules(config))
        mapped +=
            fmt::format("{}{}; ", synthesis == Synthesis::No ? "!" : "", prefix.to_string());
    fmt::print(out,
               R"(// DNS64 for nat64 with prefix {0}, made by `nat64 generate bind`.
// Belongs inside `options {{ ... }}` of named.conf (or of a view): save it as
// /etc/bind/nat64-dns64.conf, write `include "/etc/bind/nat64-dns64.conf";` there, then:
// named-checkconf && systemctl reload named
dns64 {0} {{
    clients {{ any; }};
    // What nat64 would not translate is not made up.
    mapped {{ {1}any; }};
    // AAAA records that are no use to a client: nat64's own, and IPv4 in disguise.
    exclude {{ {0}; ::ffff:0:0/96; }};
}};
)",
               config.napt.prefix.to_string(),
               mapped);
}

void print_networkd(const Config& config, std::ostream& out) {
    fmt::print(
        out,
        R"(# Routes for when nat64 is not running, made by `nat64 generate networkd`: senders are told at
# once, instead of packets going back upstream. nat64's own routes are better by their metric.
# Save as /etc/systemd/network/50-nat64-fallback.network, then: networkctl reload
[Match]
Name=lo

[Route]
Destination={}
Type=unreachable
Metric=65535
)",
        config.napt.prefix.to_string());
    if (!has_pool(config)) return;
    for (const auto& prefix : own_prefixes(config))
        fmt::print(out,
                   "\n[Route]\nDestination={}\nType=unreachable\nMetric=65535\n",
                   prefix.to_string());
}

void print_frr(const Config& config, std::ostream& out) {
    fmt::print(out,
               R"(! Announces nat64's routes while it runs, made by `nat64 generate frr`.
! Add to /etc/frr/frr.conf, then: vtysh -C && systemctl reload frr
! The routes come from the kernel, by the interface of nat64: they are withdrawn when it stops.
! They are used by, in your `router bgp` or `router ospf` / `router ospf6`:
!   address-family ipv6 unicast
!    redistribute kernel route-map NAT64-PREFIX
!   address-family ipv4 unicast
!    redistribute kernel route-map NAT64-POOL
ipv6 prefix-list NAT64-PREFIX seq 5 permit {0}
!
route-map NAT64-PREFIX permit 10
 match interface {1}
 match ipv6 address prefix-list NAT64-PREFIX
exit
)",
               config.napt.prefix.to_string(),
               config.tun.name);
    if (!has_pool(config)) return;
    fmt::print(out, "!\n");
    int sequence = 0;
    for (const auto& prefix : own_prefixes(config))
        fmt::print(out,
                   "ip prefix-list NAT64-POOL seq {} permit {}\n",
                   sequence += 5,
                   prefix.to_string());
    fmt::print(out,
               R"(!
route-map NAT64-POOL permit 10
 match interface {0}
 match ip address prefix-list NAT64-POOL
exit
)",
               config.tun.name);
}

void print_nftables(const Config& config, std::ostream& out) {
    const auto& tun = config.tun.name;
    const auto own = own_prefixes(config);
    fmt::print(out,
               R"(# Lets nat64's traffic through a forward chain that drops by default, made by
# `nat64 generate nftables`. `inet filter forward` is the chain of Debian's /etc/nftables.conf:
# adapt its name, include this file behind it (or load it with nft -f).
add table inet filter
add chain inet filter forward {{ type filter hook forward priority filter; }}
add chain inet filter nat64
flush chain inet filter nat64
# The IPv6 side: clients to the prefix, replies and errors to clients.
add rule inet filter nat64 oifname "{0}" ip6 daddr {1} accept
add rule inet filter nat64 iifname "{0}" meta nfproto ipv6 accept
# The IPv4 side.
)",
               tun,
               config.napt.prefix.to_string());
    const auto source = own.empty() ? std::string{"meta nfproto ipv4"}
                                    : fmt::format("ip saddr {{ {} }}", joined(own, ", "));
    fmt::print(out, "add rule inet filter nat64 iifname \"{}\" {} accept\n", tun, source);
    if (has_pool(config))
        fmt::print(out,
                   "# What comes from outside is filtered by nat64 (`filtering`).\n"
                   "add rule inet filter nat64 oifname \"{}\" ip daddr {{ {} }} accept\n",
                   tun,
                   joined(own, ", "));
    else
        fmt::print(out,
                   "add rule inet filter nat64 oifname \"{}\" meta nfproto ipv4 "
                   "ct state established,related accept\n",
                   tun);
    fmt::print(out, "insert rule inet filter forward jump nat64\n");
}

} // namespace nat64::cli
