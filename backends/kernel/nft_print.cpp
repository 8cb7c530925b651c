// SPDX-License-Identifier: Apache-2.0
#include "backends/kernel/nft_print.hpp"

#include "core/net/transport.hpp"
#include "core/verdict.hpp"

#include <array>
#include <cstddef>
#include <variant>

namespace nat64::kernel::nft {

namespace {

std::string to_text(const PortRange& ports) {
    const auto first = std::to_string(ports.first.value());
    return ports.first == ports.last ? first : first + '-' + std::to_string(ports.last.value());
}

struct Printer {
    std::string operator()(const Interface& match) const {
        return std::string{match.way == Way::In ? "iifname " : "oifname "} +
               (match.is == Is::Different ? "!= " : "") + '"' + match.name + '"';
    }

    std::string operator()(Family family) const {
        return family == Family::Ipv4 ? "meta nfproto ipv4" : "meta nfproto ipv6";
    }

    std::string operator()(const Address4& match) const {
        return std::string{match.end == End::Source ? "ip saddr " : "ip daddr "} +
               match.prefix.to_string();
    }

    std::string operator()(const Address6& match) const {
        return std::string{match.end == End::Source ? "ip6 saddr " : "ip6 daddr "} +
               match.prefix.to_string();
    }

    std::string operator()(const Transport& match) const {
        return std::string{"meta l4proto "} + name_of(match.protocol);
    }

    std::string operator()(const SourcePorts& match) const {
        return std::string{name_of(match.protocol)} + " sport " + to_text(match.ports);
    }

    std::string operator()(const NewFlow&) const {
        return "ct state new ct status ! confirmed";
    }

    std::string operator()(const UnknownFlow&) const {
        return "ct state ! established,related";
    }

    std::string operator()(const NoFlow&) const { return "ct state invalid,untracked"; }

    std::string operator()(const NotForwarded&) const {
        return "ct state new ct status ! dnat";
    }

    std::string operator()(const TcpNotSyn&) const {
        return "tcp flags & (fin|syn|rst|ack) != syn";
    }

    std::string operator()(const ConnectionsOver& match) const {
        return "add @" + match.set + " { ip saddr ct count over " +
               std::to_string(match.count) + " }";
    }

    std::string operator()(const RateOver& match) const {
        const auto rate = std::to_string(match.per_second);
        return "update @" + match.set + " { ip saddr limit rate over " + rate +
               "/second burst " + rate + " packets }";
    }

    std::string operator()(const UseTimeout& use) const {
        return "ct timeout set \"" + use.name + '"';
    }

    std::string operator()(const MasqueradeTo& to) const {
        return "masquerade to :" + to_text(to.ports);
    }

    std::string operator()(const CountDrop& count) const {
        return "counter name \"" + std::string{info(count.reason).label} + '"';
    }

    std::string operator()(Act act) const {
        switch (act) {
        case Act::Drop:
            return "drop";
        case Act::Refuse:
            return "reject with icmp type admin-prohibited";
        case Act::Reset:
            return "reject with tcp reset";
        case Act::Masquerade:
            return "masquerade";
        case Act::NoTrack:
            return "notrack";
        }
        return {};
    }
};

const char* name_of(Hook hook) {
    constexpr std::array kNames{"prerouting", "input", "forward", "output", "postrouting"};
    return kNames[static_cast<std::size_t>(hook)];
}

std::string to_text(DropReason counter) {
    return "\tcounter " + std::string{info(counter).label} + " {\n\t}\n";
}

std::string to_text(const TimeoutPolicy& policy) {
    std::string text = "\tct timeout " + policy.name + " {\n\t\tprotocol " +
                       name_of(policy.protocol) + "\n\t\tl3proto ip\n\t\tpolicy = { ";
    const char* separator = "";
    for (const auto& state : policy.states) {
        text += separator + std::string{state.name} + " : " + std::to_string(state.seconds);
        separator = ", ";
    }
    return text + " }\n\t}\n";
}

std::string to_text(const AddressSet& set) {
    std::string text = "\tset " + set.name + " {\n\t\ttype ipv4_addr\n\t\tsize " +
                       std::to_string(set.size) + "\n\t\tflags dynamic";
    if (set.timeout_seconds != 0)
        text += ",timeout\n\t\ttimeout " + std::to_string(set.timeout_seconds) + 's';
    return text + "\n\t}\n";
}

std::string to_text(const Chain& chain) {
    std::string text = "\tchain " + chain.name + " {\n\t\ttype " +
                       (chain.type == ChainType::Nat ? "nat" : "filter") + " hook " +
                       name_of(chain.hook) + " priority " + std::to_string(chain.priority) +
                       "; policy accept;\n";
    for (const auto& rule : chain.rules)
        text += "\t\t" + to_text(rule) + '\n';
    return text + "\t}\n";
}

} // namespace

std::string to_text(const Rule& rule) {
    std::string text;
    for (const auto& part : rule)
        text += (text.empty() ? "" : " ") + std::visit(Printer{}, part);
    return text;
}

std::string to_text(const Table& table) {
    std::string text = "table inet " + table.name + " {\n\tflags owner\n";
    for (const auto counter : table.counters)
        text += '\n' + to_text(counter);
    for (const auto& policy : table.timeouts)
        text += '\n' + to_text(policy);
    for (const auto& set : table.sets)
        text += '\n' + to_text(set);
    for (const auto& chain : table.chains)
        text += '\n' + to_text(chain);
    return text + "}\n";
}

} // namespace nat64::kernel::nft
