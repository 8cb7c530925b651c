// SPDX-License-Identifier: Apache-2.0
// For each prefix that a rule names, the rules of it and of the prefixes around it are laid out
// over the ports, once for each protocol. What remains to be done for a packet is to find the
// prefix and the port.
#include "core/policy.hpp"

#include <algorithm>
#include <cassert>
#include <utility>

namespace nat64 {

namespace {

constexpr std::array kPrivate{
    Prefix4{Ipv4Addr{10, 0, 0, 0}, 8},
    Prefix4{Ipv4Addr{100, 64, 0, 0}, 10},
    Prefix4{Ipv4Addr{172, 16, 0, 0}, 12},
    Prefix4{Ipv4Addr{192, 168, 0, 0}, 16},
};

constexpr std::array kProtocols{L4Proto::Tcp, L4Proto::Udp, L4Proto::Icmp};

/// Among rules of equal prefixes, which one decides. The machine's own addresses cannot be
/// opened by a rule, private ranges can.
constexpr int precedence(Basis basis) noexcept {
    switch (basis) {
    case Basis::OwnAddress:
        return 3;
    case Basis::DestinationDeny:
        return 2;
    case Basis::DestinationAllow:
        return 1;
    case Basis::PrivateRange:
    case Basis::InnerAddress:
    case Basis::Unmentioned:
    case Basis::ClientUnlisted:
    case Basis::ClientDeny:
        break;
    }
    return 0;
}

struct Rule {
    DestinationRule what;
    Ruling ruling;

    [[nodiscard]] bool concerns(L4Proto protocol) const noexcept {
        if (what.protocol) return *what.protocol == protocol;
        return protocol != L4Proto::Icmp || what.ports == kAllPorts;
    }
};

} // namespace

std::optional<DropReason> Ruling::refusal() const noexcept {
    switch (basis) {
    case Basis::Unmentioned:
    case Basis::DestinationAllow:
        return std::nullopt;
    case Basis::DestinationDeny:
        return DropReason::DestinationDenied;
    case Basis::PrivateRange:
        return DropReason::PrivateDestination;
    case Basis::OwnAddress:
        return DropReason::OwnAddress;
    case Basis::InnerAddress:
        return DropReason::IllegalDestination;
    case Basis::ClientUnlisted:
    case Basis::ClientDeny:
        return DropReason::ClientDenied;
    }
    return std::nullopt;
}

// ---- making ----

class Policy::Compiler {
public:
    Compiler(Policy& policy,
             const PolicySettings& settings,
             std::span<const Ipv4Addr> own,
             std::span<const Prefix4> own_prefixes)
        : policy_{policy}, own_{own_prefixes.begin(), own_prefixes.end()} {
        assert(settings.destinations_allow.size() <= kMaxPolicyRules);
        assert(settings.destinations_deny.size() <= kMaxPolicyRules);
        if (settings.private_destinations == PrivateDestinations::Refused)
            for (const auto& prefix : kPrivate)
                rules_.push_back({{prefix, {}}, {Basis::PrivateRange}});
        add(settings.destinations_allow, Basis::DestinationAllow);
        add(settings.destinations_deny, Basis::DestinationDeny);
        for (const auto address : own)
            own_.emplace_back(address, 32);
        std::ranges::sort(own_);
        auto prefixes = own_;
        for (const auto& rule : rules_)
            prefixes.push_back(rule.what.prefix);
        policy_.destinations_ = tables::PrefixTable{std::move(prefixes)};
    }

    void run() {
        by_prefix_.resize(policy_.destinations_.size());
        for (const auto& rule : rules_)
            by_prefix_[index_of(rule.what.prefix)].push_back(&rule);
        const auto own_leaf = leaf_of_own();
        for (std::uint32_t i = 0; i < policy_.destinations_.size(); ++i)
            policy_.leaves_.push_back(is_own(i) ? own_leaf : leaf(i));
    }

private:
    void add(std::span<const DestinationRule> rules, Basis basis) {
        for (std::size_t i = 0; i < rules.size(); ++i)
            rules_.push_back({rules[i], {basis, static_cast<std::uint16_t>(i)}});
    }

    [[nodiscard]] std::uint32_t index_of(const Prefix4& prefix) const noexcept {
        const auto& table = policy_.destinations_;
        auto index = table.find(prefix.address());
        while (table[index] != prefix)
            index = table.outer(index);
        return index;
    }

    /// Itself, or as a part of another: what is inside the machine's own is its own.
    [[nodiscard]] bool is_own(std::uint32_t index) const noexcept {
        const auto& table = policy_.destinations_;
        while (index != table.kNone && !std::ranges::binary_search(own_, table[index]))
            index = table.outer(index);
        return index != table.kNone;
    }

    Leaf leaf_of_own() {
        const Steps all{static_cast<std::uint32_t>(policy_.steps_.size()), 1};
        policy_.steps_.push_back({0, {Basis::OwnAddress}});
        return {all, all, all};
    }

    Leaf leaf(std::uint32_t index) {
        std::vector<const Rule*> rules;
        const auto& table = policy_.destinations_;
        for (auto i = index; i != table.kNone; i = table.outer(i))
            rules.insert(rules.end(), by_prefix_[i].begin(), by_prefix_[i].end());
        // The one that decides first.
        std::ranges::stable_sort(rules, [](const Rule* a, const Rule* b) {
            return std::pair{a->what.prefix.length(), precedence(a->ruling.basis)} >
                   std::pair{b->what.prefix.length(), precedence(b->ruling.basis)};
        });
        Leaf leaf;
        for (const auto protocol : kProtocols)
            leaf[static_cast<std::size_t>(protocol)] = lay_out(rules, protocol);
        return leaf;
    }

    Steps lay_out(std::span<const Rule* const> rules, L4Proto protocol) {
        std::vector<std::uint32_t> ports{0};
        for (const auto* rule : rules) {
            ports.push_back(rule->what.ports.first.value());
            ports.push_back(rule->what.ports.last.value() + 1U);
        }
        std::ranges::sort(ports);
        const auto first = static_cast<std::uint32_t>(policy_.steps_.size());
        for (const auto number : ports) {
            if (number > 0xffff) break;
            const Port port{static_cast<std::uint16_t>(number)};
            const auto rule = std::ranges::find_if(rules, [&](const Rule* r) {
                return r->concerns(protocol) && r->what.ports.contains(port);
            });
            const auto ruling = rule == rules.end() ? Ruling{} : (*rule)->ruling;
            if (policy_.steps_.size() > first && policy_.steps_.back().ruling == ruling)
                continue;
            policy_.steps_.push_back({port.value(), ruling});
        }
        return {first, static_cast<std::uint32_t>(policy_.steps_.size()) - first};
    }

    Policy& policy_;
    std::vector<Rule> rules_;
    std::vector<Prefix4> own_;
    std::vector<std::vector<const Rule*>> by_prefix_;
};

Policy::Policy(const PolicySettings& settings,
               std::span<const Ipv4Addr> own,
               std::span<const Prefix4> own_prefixes)
    : all_clients_{settings.clients_deny.empty() &&
                   std::ranges::find(settings.clients_allow, Prefix6{}) !=
                       settings.clients_allow.end()} {
    auto prefixes = settings.clients_allow;
    prefixes.insert(prefixes.end(), settings.clients_deny.begin(), settings.clients_deny.end());
    clients_ = tables::PrefixTable{std::move(prefixes)};
    for (std::uint32_t i = 0; i < clients_.size(); ++i) {
        const auto denied = std::ranges::find(settings.clients_deny, clients_[i]);
        const auto rule = denied - settings.clients_deny.begin();
        client_rulings_.push_back(
            denied == settings.clients_deny.end()
                ? Ruling{}
                : Ruling{Basis::ClientDeny, static_cast<std::uint16_t>(rule)});
    }
    Compiler{*this, settings, own, own_prefixes}.run();
}

// ---- asking ----

Ruling Policy::client(const Ipv6Addr& client6) const noexcept {
    if (all_clients_) [[likely]]
        return {};
    const auto found = clients_.find(client6);
    return found == clients_.kNone ? Ruling{Basis::ClientUnlisted} : client_rulings_[found];
}

Ruling Policy::destination(L4Proto protocol, const Endpoint4& server4) const noexcept {
    const auto found = destinations_.find(server4.address);
    if (found == destinations_.kNone) [[likely]]
        return {};
    const auto steps = leaves_[found][static_cast<std::size_t>(protocol)];
    const auto* const begin = steps_.data() + steps.first;
    // The identifier of an ICMP query is no port.
    const auto port = protocol == L4Proto::Icmp ? std::uint16_t{0} : server4.port.value();
    const auto* const behind =
        std::ranges::upper_bound(begin, begin + steps.count, port, {}, &Step::port);
    return behind[-1].ruling; // the first step's port is 0
}

Ruling Policy::outbound(const Ipv6Addr& client6,
                        L4Proto protocol,
                        const Endpoint4& server4) const noexcept {
    const auto ruling = client(client6);
    return ruling.refusal() ? ruling : destination(protocol, server4);
}

Ruling Policy::inbound(const Ipv6Addr& client6,
                       L4Proto protocol,
                       const Endpoint4& server4) const noexcept {
    const auto ruling = outbound(client6, protocol, server4);
    return ruling.basis == Basis::OwnAddress ? Ruling{} : ruling;
}

} // namespace nat64
