// SPDX-License-Identifier: Apache-2.0
// Who may reach what: the longest prefix decides, deny wins a tie, the machine's own addresses
// are never reached; and the compiled tables against the rules read one by one.
#include "core/policy.hpp"
#include "tests/support/rng.hpp"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

namespace nat64::test {

namespace {

using enum L4Proto;

Ipv4Addr v4(const char* text) {
    return Ipv4Addr::parse(text).value();
}

Prefix4 p4(const char* text) {
    return Prefix4::parse(text).value();
}

Prefix6 p6(const char* text) {
    return Prefix6::parse(text).value();
}

DestinationRule rule(const char* prefix) {
    return {p4(prefix), {}};
}

DestinationRule rule(const char* prefix, L4Proto protocol, unsigned first, unsigned last) {
    return {p4(prefix),
            protocol,
            {Port{static_cast<std::uint16_t>(first)}, Port{static_cast<std::uint16_t>(last)}}};
}

const Ipv6Addr kClient = Ipv6Addr::parse("2001:db8::1").value();

/// "ok" or the reason.
std::string to(const Policy& policy,
               const char* address,
               L4Proto protocol = Udp,
               unsigned port = 53,
               const Ipv6Addr& client6 = kClient) {
    const Endpoint4 server4{v4(address), Port{static_cast<std::uint16_t>(port)}};
    const auto no = policy.outbound(client6, protocol, server4).refusal();
    return no ? std::string{info(*no).label} : "ok";
}

std::string from(const Policy& policy, const char* client6) {
    return to(policy, "8.8.8.8", Tcp, 80, Ipv6Addr::parse(client6).value());
}

} // namespace

TEST_CASE("policy: by default everybody reaches everything but private ranges") {
    const Policy policy{PolicySettings{}, {}};
    CHECK(from(policy, "2001:db8::1") == "ok");
    for (const auto* address : {"8.8.8.8",
                                "9.255.255.255",
                                "11.0.0.0",
                                "100.63.255.255",
                                "100.128.0.0",
                                "172.32.0.0",
                                "192.0.2.1"})
        CHECK(to(policy, address) == "ok");
    for (const auto* address : {"10.0.0.0",
                                "10.255.255.255",
                                "100.64.0.0",
                                "100.127.255.255",
                                "172.16.0.1",
                                "172.31.255.255",
                                "192.168.1.1"})
        CHECK(to(policy, address) == "private_destination");
}

TEST_CASE("policy: one that was never made permits everything") {
    CHECK(to(Policy{}, "10.0.0.1") == "ok");
}

TEST_CASE("clients: the longest prefix decides, deny wins a tie, the unlisted are denied") {
    PolicySettings settings;
    settings.clients_allow = {p6("2001:db8::/32"), p6("2001:db8:bad:1::/64"), p6("fd00::/8")};
    settings.clients_deny = {p6("2001:db8:bad::/48"), p6("fd00::/8"), p6("2001:db8::5")};
    const Policy policy{settings, {}};
    CHECK(from(policy, "2001:db8::1") == "ok");
    CHECK(from(policy, "2001:db8::5") == "client_denied");
    CHECK(from(policy, "2001:db8:bad::1") == "client_denied");
    CHECK(from(policy, "2001:db8:bad:1::1") == "ok");
    CHECK(from(policy, "2001:db8:bae::1") == "ok");
    CHECK(from(policy, "fd00::1") == "client_denied");
    CHECK(from(policy, "2001:db9::1") == "client_denied");
    CHECK(from(policy, "::1") == "client_denied");
    CHECK(policy.outbound(Ipv6Addr::parse("2001:db8:bad::1").value(),
                          Tcp,
                          {v4("8.8.8.8"), {}}) == Ruling{Basis::ClientDeny, 0});
    CHECK(policy.outbound(Ipv6Addr::parse("2a00::1").value(), Tcp, {v4("8.8.8.8"), {}}) ==
          Ruling{Basis::ClientUnlisted, 0});
}

TEST_CASE("destinations.deny: ports and protocols, and what they do not concern") {
    PolicySettings settings;
    settings.destinations_deny = {rule("0.0.0.0/0", Tcp, 25, 25),
                                  {p4("198.51.100.0/24"), {}, {Port{6881}, Port{6999}}},
                                  {p4("203.0.113.0/24"), Icmp}};
    const Policy policy{settings, {}};
    CHECK(to(policy, "8.8.8.8", Tcp, 25) == "destination_denied");
    CHECK(to(policy, "8.8.8.8", Tcp, 24) == "ok");
    CHECK(to(policy, "8.8.8.8", Tcp, 26) == "ok");
    CHECK(to(policy, "8.8.8.8", Udp, 25) == "ok");
    CHECK(to(policy, "8.8.8.8", Icmp, 25) == "ok");
    for (const auto protocol : {Tcp, Udp}) {
        CHECK(to(policy, "198.51.100.9", protocol, 6880) == "ok");
        CHECK(to(policy, "198.51.100.9", protocol, 6881) == "destination_denied");
        CHECK(to(policy, "198.51.100.9", protocol, 6999) == "destination_denied");
        CHECK(to(policy, "198.51.100.9", protocol, 7000) == "ok");
    }
    // An identifier is no port.
    CHECK(to(policy, "198.51.100.9", Icmp, 6900) == "ok");
    CHECK(to(policy, "198.51.100.9", Tcp, 25) == "destination_denied");
    CHECK(to(policy, "203.0.113.9", Icmp, 7) == "destination_denied");
    CHECK(to(policy, "203.0.113.9", Tcp, 80) == "ok");
}

TEST_CASE("destinations.allow: a longer prefix opens what deny or private closes") {
    PolicySettings settings;
    settings.destinations_deny = {rule("0.0.0.0/0", Tcp, 25, 25), rule("10.1.2.0/24")};
    settings.destinations_allow = {
        rule("198.51.100.25"), rule("10.1.0.0/16"), rule("0.0.0.0/0")};
    const Policy policy{settings, {}};
    CHECK(to(policy, "198.51.100.25", Tcp, 25) == "ok");
    CHECK(to(policy, "198.51.100.26", Tcp, 25) == "destination_denied"); // deny wins the tie
    CHECK(to(policy, "10.1.0.1") == "ok");
    CHECK(to(policy, "10.1.2.1") == "destination_denied");
    CHECK(to(policy, "10.2.0.1") == "private_destination"); // longer than 0.0.0.0/0
}

TEST_CASE("destinations.private: true") {
    PolicySettings settings;
    settings.private_destinations = PrivateDestinations::Reachable;
    CHECK(to(Policy{settings, {}}, "192.168.1.1") == "ok");
}

TEST_CASE("policy: the machine's own addresses, whatever the lists say") {
    PolicySettings settings;
    settings.private_destinations = PrivateDestinations::Reachable;
    settings.destinations_allow = {rule("203.0.113.1"), rule("192.168.1.0/24")};
    const std::vector own{v4("203.0.113.1"), v4("192.168.1.1"), v4("192.168.1.255")};
    const Policy policy{settings, own};
    for (const auto* address : {"203.0.113.1", "192.168.1.1", "192.168.1.255"})
        for (const auto protocol : {Tcp, Udp, Icmp})
            CHECK(to(policy, address, protocol, 22) == "own_address");
    CHECK(to(policy, "203.0.113.2") == "ok");
    CHECK(to(policy, "192.168.1.2") == "ok");
    // The machine may begin; other rules hold for that direction as well.
    CHECK_FALSE(policy.inbound(kClient, Udp, {v4("203.0.113.1"), Port{22}}).refusal());
    settings.destinations_deny = {rule("198.51.100.0/24")};
    CHECK(
        Policy{settings, own}.inbound(kClient, Udp, {v4("198.51.100.1"), Port{22}}).refusal() ==
        DropReason::DestinationDenied);
}

TEST_CASE("policy: prefixes of the machine's own, whatever the lists say of their parts") {
    PolicySettings settings;
    settings.destinations_allow = {rule("198.51.100.64/26"), rule("198.51.100.7")};
    settings.destinations_deny = {rule("198.51.0.0/16", Tcp, 25, 25)};
    const std::vector own{v4("198.51.100.9"), v4("203.0.113.1")};
    const std::vector prefixes{p4("198.51.100.0/24")};
    const Policy policy{settings, own, prefixes};
    for (const auto* address :
         {"198.51.100.0", "198.51.100.7", "198.51.100.9", "198.51.100.65", "198.51.100.255"})
        for (const auto protocol : {Tcp, Udp, Icmp})
            CHECK(to(policy, address, protocol, 22) == "own_address");
    CHECK(to(policy, "203.0.113.1") == "own_address");
    CHECK(to(policy, "198.51.99.255") == "ok");
    CHECK(to(policy, "198.51.101.0") == "ok");
    CHECK(to(policy, "198.51.101.0", Tcp, 25) == "destination_denied");
    CHECK_FALSE(policy.inbound(kClient, Udp, {v4("198.51.100.7"), Port{22}}).refusal());
}

TEST_CASE("policy: what each basis of a decision means for the packet") {
    const auto means = [](Basis basis) { return Ruling{basis}.refusal(); };
    CHECK(means(Basis::Unmentioned) == std::nullopt);
    CHECK(means(Basis::DestinationAllow) == std::nullopt);
    CHECK(means(Basis::DestinationDeny) == DropReason::DestinationDenied);
    CHECK(means(Basis::PrivateRange) == DropReason::PrivateDestination);
    CHECK(means(Basis::OwnAddress) == DropReason::OwnAddress);
    CHECK(means(Basis::InnerAddress) == DropReason::IllegalDestination);
    CHECK(means(Basis::ClientUnlisted) == DropReason::ClientDenied);
    CHECK(means(Basis::ClientDeny) == DropReason::ClientDenied);
}

TEST_CASE("policy: the compiled tables say what the rules say one by one") {
    auto rng = seeded_rng(64);
    // Few bits and ports, so that prefixes nest and ranges overlap.
    const auto address = [&] {
        return Ipv4Addr{static_cast<std::uint32_t>(rng.below(16)) << 24};
    };
    const auto port = [&] { return Port{static_cast<std::uint16_t>(rng.below(8))}; };
    const auto rules = [&] {
        std::vector<DestinationRule> made(rng.below(6));
        for (auto& r : made) {
            r.prefix = {address(), static_cast<unsigned>(4 + rng.below(5))};
            if (const auto which = rng.below(4); which < 3)
                r.protocol = static_cast<L4Proto>(which);
            if (r.protocol != Icmp && rng.below(2) == 0) {
                const auto [low, high] = std::minmax({port(), port()});
                r.ports = {low, high};
            }
        }
        return made;
    };
    for (int round = 0; round < 300; ++round) {
        PolicySettings settings;
        settings.destinations_allow = rules();
        settings.destinations_deny = rules();
        const std::vector own{address()};
        std::vector<Prefix4> own_prefixes(rng.below(2));
        for (auto& prefix : own_prefixes)
            prefix = {address(), static_cast<unsigned>(5 + rng.below(3))};
        const Policy policy{settings, own, own_prefixes};
        for (std::uint32_t top = 0; top < 16; ++top)
            for (const auto protocol : {Tcp, Udp, Icmp})
                for (std::uint16_t number = 0; number < 9; ++number) {
                    const Endpoint4 server4{Ipv4Addr{top << 24}, Port{number}};
                    // Longest prefix, then rank; -1: no rule.
                    std::pair best{-1, 0};
                    const auto consider = [&](const DestinationRule& r, int rank) {
                        const bool any = r.ports == kAllPorts;
                        if (!r.prefix.contains(server4.address)) return;
                        if (r.protocol ? *r.protocol != protocol : protocol == Icmp && !any)
                            return;
                        if (!any && !r.ports.contains(server4.port)) return;
                        best = std::max(best, {static_cast<int>(r.prefix.length()), rank});
                    };
                    consider(rule("10.0.0.0/8"), 1);
                    for (const auto& r : settings.destinations_allow)
                        consider(r, 2);
                    for (const auto& r : settings.destinations_deny)
                        consider(r, 3);
                    for (const auto a : own)
                        consider({Prefix4{a, 32}, {}}, 4);
                    for (const auto& p : own_prefixes)
                        if (p.contains(server4.address)) best = {32, 4};
                    const auto wanted = best.first < 0     ? Basis::Unmentioned
                                        : best.second == 1 ? Basis::PrivateRange
                                        : best.second == 2 ? Basis::DestinationAllow
                                        : best.second == 3 ? Basis::DestinationDeny
                                                           : Basis::OwnAddress;
                    CHECK(policy.outbound(kClient, protocol, server4).basis == wanted);
                }
    }
}

} // namespace nat64::test
