// SPDX-License-Identifier: Apache-2.0
// Reading keys that are made of parts: prefix, and the items of pool and static.
#include "config/readers.hpp"
#include "config/scalars.hpp"
#include "config/yaml_tree.hpp"
#include "core/rfc6052.hpp"

#include <utility>

#include <fmt/format.h>

namespace nat64::config::read {

namespace {

void set_prefix(const Node& node, Reader& reader, const Prefix6& prefix) {
    const auto nat64_prefix = rfc6052::Nat64Prefix::from(prefix);
    if (nat64_prefix) {
        reader.draft.config.translator.prefix = *nat64_prefix;
        reader.draft.config.napt.prefix = *nat64_prefix;
        reader.draft.config.mycelium.derives_prefix = false;
        return;
    }
    if (prefix.length() == 96)
        return reader.complain(node,
                               "has bits set in its ninth octet",
                               "bits 64 to 71 of a NAT64 prefix are zero (RFC 6052 §2.2)");
    reader.complain(node,
                    fmt::format("has length {}", prefix.length()),
                    "a NAT64 prefix has length 32, 40, 48, 56, 64 or 96 (RFC 6052 §2.2)");
}

/// "192.0.2.1/28" has host bits: say which prefix was meant.
std::string prefix4_remedy(const std::string& text) {
    const auto slash = text.find('/');
    const auto address = Ipv4Addr::parse(text.substr(0, slash));
    if (!address || slash == std::string::npos) return {};
    const auto length = parse_integer(std::string_view{text}.substr(slash + 1));
    if (!length || *length > 32) return {};
    const Prefix4 meant{*address, static_cast<unsigned>(*length)};
    return fmt::format("did you mean {} or {}?", meant.to_string(), address->to_string());
}

void pool_item(const Node& item, const std::string& path, Reader& reader) {
    reader.draft.pool_item = {};
    const auto problems = reader.problem_count();
    if (item.kind == NodeKind::Map) {
        reader.read_map(item, "pool[]", path);
    } else {
        reader.draft.pool_item.address = prefix4(item, reader);
    }
    const auto& read = reader.draft.pool_item;
    if (read.address)
        reader.draft.config.napt.pool.push_back({*read.address, read.ports});
    else if (reader.problem_count() == problems)
        reader.complain_about(
            path, "has no address", "give it one, as in {address: 192.0.2.1}");
}

/// What is wrong with the parts of a static entry as a whole; empty if nothing is.
std::string static_fault(const Draft::Static& item) {
    if (!item.ipv6) return "has no ipv6";
    if (!item.ipv4) return "has no ipv4";
    const auto ported6 = item.ipv6->port != Port{};
    const auto ported4 = item.ipv4->port != Port{};
    if (ported6 != ported4) return "has a port on one side only";
    if (ported6 && !item.protocol) return "has ports but no protocol";
    if (!ported6 && item.protocol) return "has a protocol but no ports";
    return {};
}

void static_item(const Node& item, const std::string& path, Reader& reader) {
    constexpr auto kForms = "write {protocol: tcp, ipv6: \"[2001:db8::5]:8080\", ipv4: "
                            "\"192.0.2.2:80\"}, or {ipv6: 2001:db8::6, ipv4: 192.0.2.3} for a "
                            "whole host";
    reader.draft.static_item = {};
    if (item.kind != NodeKind::Map) return reader.complain(item, "is not a map", kForms);
    const auto problems = reader.problem_count();
    reader.read_map(item, "static[]", path);
    if (reader.problem_count() != problems) return;
    const auto& read = reader.draft.static_item;
    if (auto fault = static_fault(read); !fault.empty())
        return reader.complain_about(path, std::move(fault), kForms);
    // NOLINTNEXTLINE(bugprone-unchecked-optional-access): static_fault has seen both
    reader.draft.config.napt.statics.push_back({read.protocol, *read.ipv6, *read.ipv4});
}

} // namespace

std::optional<Prefix4> prefix4(const Node& node, Reader& reader) {
    if (node.is_scalar()) {
        if (const auto prefix = Prefix4::parse(node.text)) return prefix;
        if (const auto remedy = prefix4_remedy(node.text); !remedy.empty()) {
            reader.complain(node, "has bits set behind its prefix length", remedy);
            return std::nullopt;
        }
    }
    reader.complain(node, "is not an IPv4 address or prefix", "write it like 192.0.2.0/28");
    return std::nullopt;
}

void prefix(const Node& node, Reader& reader) {
    if (node.kind == NodeKind::List)
        return reader.complain(
            node, "several prefixes are not yet supported by this version", "write one prefix");
    if (node.is_scalar()) {
        const auto prefix = Prefix6::parse(node.text);
        if (!prefix)
            return reader.complain(
                node, "is not an IPv6 prefix", "write it like 64:ff9b::/96, host bits zero");
        return set_prefix(node, reader, *prefix);
    }
    reader.draft.prefix_parts = {};
    const auto problems = reader.problem_count();
    reader.read_map(node, "prefix", "prefix");
    if (reader.problem_count() != problems) return;
    const auto& [within, suffix] = reader.draft.prefix_parts;
    if (!within || !suffix)
        return reader.complain_about("prefix",
                                     "needs both within and suffix",
                                     "write {within: 2001:db8:5::/64, suffix: 0:6464}");
    const auto joined = join_prefix(*within, *suffix);
    if (!joined)
        return reader.complain_about("prefix", joined.error(), "use fewer or smaller groups");
    set_prefix(node, reader, *joined);
}

void prefix_within(const Node& node, Reader& reader) {
    reader.draft.prefix_parts.within =
        node.is_scalar() ? Prefix6::parse(node.text) : std::nullopt;
    if (!reader.draft.prefix_parts.within)
        reader.complain(node, "is not an IPv6 prefix", "write it like 2001:db8:5::/64");
}

void prefix_suffix(const Node& node, Reader& reader) {
    if (!node.is_scalar()) return reader.complain(node, "is not a text");
    reader.draft.prefix_parts.suffix = node.text;
}

void pool(const Node& node, Reader& reader) {
    reader.read_list(node, [&](const Node& item, const std::string& path) {
        pool_item(item, path, reader);
    });
}

void inner_pool(const Node& node, Reader& reader) {
    if (const auto prefix = prefix4(node, reader))
        reader.draft.config.napt.inner_pool = *prefix;
}

void pool_address(const Node& node, Reader& reader) {
    reader.draft.pool_item.address = prefix4(node, reader);
}

void pool_ports(const Node& node, Reader& reader) {
    const auto ports = node.is_scalar() ? parse_ports(node.text) : std::nullopt;
    if (!ports) return reader.complain(node, "is not a range of ports");
    reader.draft.pool_item.ports = *ports;
}

void statics(const Node& node, Reader& reader) {
    reader.read_list(node, [&](const Node& item, const std::string& path) {
        static_item(item, path, reader);
    });
}

void static_protocol(const Node& node, Reader& reader) {
    if (node.is_scalar() && node.text == "tcp")
        reader.draft.static_item.protocol = L4Proto::Tcp;
    else if (node.is_scalar() && node.text == "udp")
        reader.draft.static_item.protocol = L4Proto::Udp;
    else
        reader.complain(node, "is not a protocol with ports");
}

void static_ipv6(const Node& node, Reader& reader) {
    reader.draft.static_item.ipv6 =
        node.is_scalar() ? parse_endpoint6(node.text) : std::nullopt;
    if (!reader.draft.static_item.ipv6) reader.complain(node, "is not an IPv6 endpoint");
}

void static_ipv4(const Node& node, Reader& reader) {
    reader.draft.static_item.ipv4 =
        node.is_scalar() ? parse_endpoint4(node.text) : std::nullopt;
    if (!reader.draft.static_item.ipv4) reader.complain(node, "is not an IPv4 endpoint");
}

} // namespace nat64::config::read
