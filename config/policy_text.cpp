// SPDX-License-Identifier: Apache-2.0
#include "config/policy_text.hpp"

#include "core/net/address.hpp"
#include "core/net/transport.hpp"

#include <cstdint>
#include <string_view>
#include <vector>

#include <fmt/format.h>

namespace nat64::config {

namespace {

std::string text(const DestinationRule& rule) {
    return describe(rule);
}

std::string text(const Prefix6& prefix) {
    return prefix.to_string();
}

/// The settings may be newer than the ruling.
template <typename Item>
std::string
numbered(std::string_view list, std::uint16_t rule, const std::vector<Item>& items) {
    const auto name = fmt::format("{}[{}]", list, rule);
    return rule < items.size() ? fmt::format("{}, {}", name, text(items[rule])) : name;
}

} // namespace

std::string describe(const DestinationRule& rule) {
    auto text = "prefix: " + rule.prefix.to_string();
    if (rule.protocol) text += fmt::format(", protocol: {}", name_of(*rule.protocol));
    if (rule.ports != kAllPorts)
        text +=
            fmt::format(", ports: {}-{}", rule.ports.first.value(), rule.ports.last.value());
    return "{" + text + "}";
}

std::string describe(const Ruling& ruling, const PolicySettings& settings) {
    switch (ruling.basis) {
    case Basis::Unmentioned:
        return "no rule of clients and destinations is against it";
    case Basis::DestinationAllow:
        return numbered("destinations.allow", ruling.rule, settings.destinations_allow);
    case Basis::DestinationDeny:
        return numbered("destinations.deny", ruling.rule, settings.destinations_deny);
    case Basis::PrivateRange:
        return "a private range (RFC 1918, RFC 6598), and destinations.private is false";
    case Basis::OwnAddress:
        return "an address of this machine, of all hosts of one of its subnets, or of a local "
               "route";
    case Basis::InnerAddress:
        return "an address of inner_pool, which means something inside this machine only";
    case Basis::ClientUnlisted:
        return "the client is in no prefix of clients.allow";
    case Basis::ClientDeny:
        return numbered("clients.deny", ruling.rule, settings.clients_deny);
    }
    return {};
}

} // namespace nat64::config
