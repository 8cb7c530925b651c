// SPDX-License-Identifier: Apache-2.0
// Reading clients and destinations. What such a list means as a whole is core/policy's.
#include "config/readers.hpp"
#include "config/scalars.hpp"
#include "config/yaml_tree.hpp"
#include "core/policy.hpp"

#include <vector>

#include <fmt/format.h>

namespace nat64::config::read {

namespace {

constexpr auto kRuleForm = "write {prefix: 0.0.0.0/0, protocol: tcp, ports: 25}, or a prefix "
                           "alone for all protocols and ports";

bool is_short(const Node& node, Reader& reader) {
    if (node.kind != NodeKind::List || node.children.size() <= kMaxPolicyRules) return true;
    reader.complain(node,
                    fmt::format("has {} items", node.children.size()),
                    fmt::format("write at most {}", kMaxPolicyRules));
    return false;
}

void prefixes6(const Node& node, Reader& reader, std::vector<Prefix6>& list) {
    list.clear();
    if (!is_short(node, reader)) return;
    reader.read_list(node, [&](const Node& item, const std::string& /*path*/) {
        const auto prefix = item.is_scalar() ? Prefix6::parse(item.text) : std::nullopt;
        if (prefix) return list.push_back(*prefix);
        reader.complain(
            item, "is not an IPv6 prefix", "write it like 2001:db8::/32, host bits zero");
    });
}

void rule(const Node& item,
          const std::string& path,
          std::string_view keys,
          Reader& reader,
          std::vector<DestinationRule>& list) {
    reader.draft.rule = {};
    const auto problems = reader.problem_count();
    if (item.kind == NodeKind::Map)
        reader.read_map(item, keys, path);
    else
        rule_prefix(item, reader);
    if (reader.problem_count() != problems) return;
    const auto& read = reader.draft.rule;
    if (!read.prefix) return reader.complain_about(path, "has no prefix", kRuleForm);
    if (read.ports && read.protocol == L4Proto::Icmp)
        return reader.complain_about(path, "has ports, which icmp does not", "remove them");
    list.push_back({*read.prefix, read.protocol, read.ports.value_or(kAllPorts)});
}

void rules(const Node& node,
           std::string_view keys,
           Reader& reader,
           std::vector<DestinationRule>& list) {
    list.clear(); // of what a profile says
    if (!is_short(node, reader)) return;
    reader.read_list(node, [&](const Node& item, const std::string& path) {
        rule(item, path, keys, reader, list);
    });
}

} // namespace

void clients_allow(const Node& node, Reader& reader) {
    prefixes6(node, reader, reader.draft.config.policy.clients_allow);
}

void clients_deny(const Node& node, Reader& reader) {
    prefixes6(node, reader, reader.draft.config.policy.clients_deny);
}

void destinations_allow(const Node& node, Reader& reader) {
    rules(node, "destinations.allow[]", reader, reader.draft.config.policy.destinations_allow);
}

void destinations_deny(const Node& node, Reader& reader) {
    rules(node, "destinations.deny[]", reader, reader.draft.config.policy.destinations_deny);
}

void destinations_private(const Node& node, Reader& reader) {
    if (const auto value = boolean(node, reader))
        reader.draft.config.policy.private_destinations =
            *value ? PrivateDestinations::Reachable : PrivateDestinations::Refused;
}

void rule_prefix(const Node& node, Reader& reader) {
    reader.draft.rule.prefix = prefix4(node, reader);
}

void rule_protocol(const Node& node, Reader& reader) {
    for (const auto protocol : {L4Proto::Tcp, L4Proto::Udp, L4Proto::Icmp})
        if (node.is_scalar() && node.text == name_of(protocol))
            reader.draft.rule.protocol = protocol;
    if (!reader.draft.rule.protocol) reader.complain(node, "is not a protocol");
}

void rule_ports(const Node& node, Reader& reader) {
    reader.draft.rule.ports = node.is_scalar() ? parse_ports(node.text) : std::nullopt;
    if (!reader.draft.rule.ports) reader.complain(node, "is not a range of ports");
}

} // namespace nat64::config::read
