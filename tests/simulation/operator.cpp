// SPDX-License-Identifier: Apache-2.0
#include "tests/simulation/operator.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <chrono>

namespace nat64::simulation {

namespace {

using namespace std::chrono_literals;

/// Static entries of ports that a reload adds or takes away.
constexpr std::uint16_t kStatics = 4;

} // namespace

void Operator::act() {
    using Change = void (Operator::*)(InForce&);
    constexpr std::array<Change, 7> kChanges{&Operator::change_timeouts,
                                             &Operator::change_limits,
                                             &Operator::change_filtering,
                                             &Operator::change_pool,
                                             &Operator::change_rules,
                                             &Operator::change_statics,
                                             &Operator::change_translator};
    const auto chosen = random_.between(0, kChanges.size() + 1);
    if (chosen == kChanges.size()) return internet_.reload_refused();
    if (chosen > kChanges.size()) return internet_.end_sessions(some_clients());
    auto wanted = internet_.in_force();
    (this->*kChanges[chosen])(wanted);
    internet_.reload(wanted);
}

/// The RFCs' minimums, what is usual, and more.
void Operator::change_timeouts(InForce& wanted) {
    constexpr std::array kChoices{Timeouts{},
                                  Timeouts{.udp = 2min},
                                  Timeouts{.udp = 20min, .tcp_transitory = 10min},
                                  Timeouts{.tcp_established = 5h, .icmp = 5min}};
    wanted.napt.timeouts = kChoices[random_.between(0, kChoices.size() - 1)];
}

/// Those of a client; one in three times as in the beginning.
void Operator::change_limits(InForce& wanted) {
    auto& limits = wanted.napt.limits;
    limits = first_.napt.limits;
    if (random_.one_in(3)) return;
    limits.sessions_per_client = static_cast<std::uint32_t>(random_.between(1, 20));
    limits.ports_per_client = static_cast<std::uint32_t>(random_.between(1, 20));
    limits.half_open_per_client = static_cast<std::uint32_t>(random_.between(1, 10));
    limits.addresses_per_client = static_cast<std::uint32_t>(random_.between(1, 4));
    limits.new_sessions_per_second = static_cast<std::uint32_t>(random_.between(0, 2));
}

void Operator::change_filtering(InForce& wanted) {
    auto& filtering = wanted.napt.filtering;
    filtering = filtering == Filtering::AddressDependent ? Filtering::EndpointIndependent
                                                         : Filtering::AddressDependent;
}

/// An address of the pool is taken away, or the one that was comes back.
void Operator::change_pool(InForce& wanted) {
    if (wanted.napt.pool.empty()) return;
    auto& withheld = wanted.napt.withheld;
    if (!withheld.empty()) return withheld.clear();
    const auto& prefix = wanted.napt.pool.front().prefix;
    if (prefix.size() < 2) return;
    // The first one has static entries.
    const auto address = prefix.address().bits() + random_.between(1, prefix.size() - 1);
    withheld.emplace_back(static_cast<std::uint32_t>(address));
}

/// Nobody is denied anything, or some clients everything, or everybody some servers.
void Operator::change_rules(InForce& wanted) {
    wanted.rules = {};
    if (random_.one_in(3)) return;
    if (random_.one_in(2)) wanted.rules.clients_deny.push_back(some_clients());
    const auto server4 = Ipv4Addr{198, 18, static_cast<std::uint8_t>(random_.bits()), 0};
    wanted.rules.destinations_deny.emplace_back(server4, 21);
}

/// Ports of the pool that others may have at the moment.
void Operator::change_statics(InForce& wanted) {
    if (wanted.napt.pool.empty()) return;
    auto& statics = wanted.napt.statics;
    if (statics.size() > first_.napt.statics.size()) {
        statics = first_.napt.statics;
        return;
    }
    const auto& item = wanted.napt.pool.front();
    const unsigned ports = item.ports.last.value() - item.ports.first.value();
    for (std::uint16_t i = 0; i < kStatics; ++i) {
        const auto host = Ipv6Addr::from_halves(0x2001'0db8'0000'0000 + i + 1, 1);
        const auto port = item.ports.first.value() + random_.between(0, ports / kStatics - 1) +
                          i * (ports / kStatics);
        statics.push_back({static_cast<L4Proto>(i % kL4ProtoCount),
                           {host, Port{static_cast<std::uint16_t>(40000 + i)}},
                           {item.prefix.address(), Port{static_cast<std::uint16_t>(port)}}});
    }
}

void Operator::change_translator(InForce& wanted) {
    auto& translator = wanted.translator;
    translator.fragment_timeout = random_.one_in(2) ? 2s : 4s;
    translator.icmp_errors_per_second = random_.one_in(2) ? 10 : 1000;
    translator.rfc7915.ipv6_mtu = Mtu{random_.one_in(2) ? 1500U : 1400U};
    translator.rfc7915.lowest_ipv6_mtu = Mtu{random_.one_in(2) ? 1280U : 1400U};
    translator.rfc7915.clamp_mss = random_.one_in(2);
}

/// A sixteenth of them, or a single one.
Prefix6 Operator::some_clients() {
    const auto host =
        Ipv6Addr::from_halves(0x2001'0db8'0000'0000 + random_.between(1, hosts_), 1);
    const auto bits = static_cast<unsigned>(std::bit_width(hosts_));
    return {host, random_.one_in(2) ? 64 : 64 - bits + std::min(bits, 4U)};
}

} // namespace nat64::simulation
