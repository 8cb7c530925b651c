// SPDX-License-Identifier: Apache-2.0
// Values as YAML. Texts that a person chose are quoted, so that none of them can be taken for
// something else.
#include "config/writers.hpp"

#include "config/cross_checks.hpp"
#include "config/duration.hpp"
#include "config/log_level.hpp"
#include "config/policy_text.hpp"
#include "config/profiles.hpp"
#include "core/napt_settings.hpp"
#include "core/net/address.hpp"
#include "core/net/transport.hpp"
#include "core/rfc7915/rfc7915.hpp"

#include <algorithm>
#include <cstdint>
#include <span>
#include <variant>

#include <fmt/format.h>

namespace nat64::config::write {

namespace {

std::string quoted(const std::string& text) {
    std::string result = "\"";
    for (const auto c : text) {
        if (c == '"' || c == '\\') result += '\\';
        result += c;
    }
    return result + '"';
}

Written boolean(bool value) {
    return {value ? "true" : "false", {}};
}

Written number(std::uint32_t value) {
    return {std::to_string(value), {}};
}

Written dscp(const rfc7915::Dscp& value) {
    const auto codepoint = value.codepoint();
    return {codepoint ? std::to_string(*codepoint) : "copy", {}};
}

std::string pool_line(const PoolItem& item) {
    if (item.ports == PortRange{}) return fmt::format("\n  - {}", item.prefix.to_string());
    return fmt::format("\n  - {{address: {}, ports: {}-{}}}",
                       item.prefix.to_string(),
                       item.ports.first.value(),
                       item.ports.last.value());
}

std::string static_line(const StaticItem& item) {
    if (!item.protocol)
        return fmt::format("\n  - {{ipv6: \"{}\", ipv4: {}}}",
                           item.client6.address.to_string(),
                           item.mapped4.address.to_string());
    return fmt::format("\n  - {{protocol: {}, ipv6: \"{}\", ipv4: \"{}\"}}",
                       name_of(*item.protocol),
                       item.client6.to_string(),
                       item.mapped4.to_string());
}

Written prefixes(std::span<const Prefix6> list) {
    std::string text;
    for (const auto& prefix : list)
        text += fmt::format("{}\"{}\"", text.empty() ? "" : ", ", prefix.to_string());
    return {"[" + text + "]", {}};
}

Written rules(std::span<const DestinationRule> list) {
    std::string text;
    for (const auto& rule : list)
        text += (text.empty() ? "" : ", ") + describe(rule);
    return {"[" + text + "]", {}};
}

/// gateway4 that is in the pool and not taken out of it was not configured.
bool gateway_is_default(const Config& config) {
    const auto address = config.translator.gateway4;
    if (!address || std::ranges::count(config.napt.reserved, *address) != 0) return !address;
    return std::ranges::any_of(
        config.napt.pool, [&](const PoolItem& item) { return item.prefix.contains(*address); });
}

} // namespace

Written version(const Config& /*config*/) {
    return {"1", {}};
}

Written prefix(const Config& config) {
    if (config.mycelium.derives_prefix)
        return {{}, "unset: made of the subnet of this machine's Mycelium node, at the start"};
    return {config.translator.prefix.to_string(), {}};
}

Written wkp_strict(const Config& config) {
    return boolean(config.translator.wkp_strict);
}

Written napt(const Config& config) {
    return {std::string{name_of(config.napt_mode)}, {}};
}

Written pool(const Config& config) {
    std::string lines;
    for (const auto& item : config.napt.pool)
        lines += pool_line(item);
    return {lines.empty() ? "[]" : lines, {}};
}

Written inner_pool(const Config& config) {
    if (!config.napt.inner_pool)
        return {{}, "unset: chosen when nat64 starts, so that it collides with nothing"};
    return {config.napt.inner_pool->to_string(), {}};
}

Written statics(const Config& config) {
    std::string lines;
    for (const auto& item : config.napt.statics)
        lines += static_line(item);
    return {lines.empty() ? "[]" : lines, {}};
}

Written gateway_ipv4(const Config& config) {
    const auto& gateway = config.translator.gateway4;
    if (!gateway || gateway_is_default(config))
        return {{},
                fmt::format("unset: ICMP errors leave from {}, the first pool address, which "
                            "stays in the pool",
                            gateway.value_or(Ipv4Addr{}).to_string())};
    const auto taken = config.napt.reserved.empty() ? "" : "taken out of the pool";
    return {gateway->to_string(), taken};
}

Written tun_name(const Config& config) {
    return {quoted(config.tun.name), {}};
}

Written tun_offload(const Config& config) {
    return {config.tun.offload == OffloadMode::Auto ? "auto" : "off", {}};
}

Written mtu_ipv6(const Config& config) {
    return number(config.translator.rfc7915.ipv6_mtu.bytes());
}

Written mtu_ipv4(const Config& config) {
    return number(config.translator.rfc7915.ipv4_mtu.bytes());
}

Written mtu_lowest_ipv6(const Config& config) {
    return number(config.translator.rfc7915.lowest_ipv6_mtu.bytes());
}

Written mtu_clamp_mss(const Config& config) {
    return boolean(config.translator.rfc7915.clamp_mss);
}

Written dscp_to_ipv4(const Config& config) {
    return dscp(config.translator.rfc7915.dscp_to_ipv4);
}

Written dscp_to_ipv6(const Config& config) {
    return dscp(config.translator.rfc7915.dscp_to_ipv6);
}

Written timeouts_fragments(const Config& config) {
    return {to_string(config.translator.fragment_timeout), {}};
}

Written timeouts_unsafe(const Config& config) {
    return boolean(below_rfc_minimum(config.napt.timeouts));
}

Written profile(const Config& config) {
    if (config.profile == Profile::None) return {{}, "unset: none"};
    return {std::string{name_of(config.profile)}, {}};
}

Written mycelium_api(const Config& config) {
    return {quoted(config.mycelium.api), {}};
}

Written mycelium_suffix(const Config& config) {
    return {quoted(config.mycelium.suffix), {}};
}

Written mycelium_poll(const Config& config) {
    return {to_string(config.mycelium.poll), {}};
}

Written filtering(const Config& config) {
    switch (config.napt.filtering) {
    case Filtering::EndpointIndependent:
        return {"endpoint-independent", {}};
    case Filtering::AddressDependent:
        return {"address-dependent", {}};
    }
    return {};
}

Written clients_allow(const Config& config) {
    return prefixes(config.policy.clients_allow);
}

Written clients_deny(const Config& config) {
    return prefixes(config.policy.clients_deny);
}

Written destinations_private(const Config& config) {
    return boolean(config.policy.private_destinations == PrivateDestinations::Reachable);
}

Written destinations_allow(const Config& config) {
    return rules(config.policy.destinations_allow);
}

Written destinations_deny(const Config& config) {
    return rules(config.policy.destinations_deny);
}

Written shared_ports(const Config& config) {
    const auto& ports = config.napt.shared_ports;
    return {fmt::format("{}-{}", ports.first.value(), ports.last.value()), {}};
}

Written conntrack_ipv6(const Config& config) {
    return {config.napt.track_ipv6 == TrackIpv6::Yes ? "track" : "notrack", {}};
}

Written icmp_rate(const Config& config) {
    return number(config.translator.icmp_errors_per_second);
}

Written control_socket(const Config& config) {
    return {quoted(config.control.socket.string()), {}};
}

Written control_group(const Config& config) {
    if (config.control.group_is_default)
        return {{}, fmt::format("unset: {}, if the machine has it", config.control.group)};
    return {quoted(config.control.group), {}};
}

Written metrics_listen(const Config& config) {
    const auto& listen = config.metrics.listen;
    if (!listen) return {{}, "unset: no metrics are served"};
    return {quoted(to_string(*listen)), {}};
}

Written log_level(const Config& config) {
    return {std::string{name_of(config.log.level)}, {}};
}

Written log_format(const Config& config) {
    return {config.log.format == LogFormat::Json ? "json" : "text", {}};
}

Written log_bindings(const Config& config) {
    return boolean(config.log.bindings);
}

Written log_sessions(const Config& config) {
    return boolean(config.log.sessions);
}

Written log_destinations(const Config& config) {
    return boolean(config.log.destinations);
}

} // namespace nat64::config::write

namespace nat64::config {

std::string_view name_of(NaptMode mode) noexcept {
    switch (mode) {
    case NaptMode::Daemon:
        return "daemon";
    case NaptMode::Kernel:
        return "kernel";
    case NaptMode::Siit:
        return "siit";
    }
    return "?";
}

std::string to_string(const ListenAddress& address) {
    if (const auto* path = std::get_if<std::filesystem::path>(&address))
        return "unix:" + path->native();
    if (const auto* endpoint = std::get_if<Endpoint4>(&address)) return endpoint->to_string();
    return std::get<Endpoint6>(address).to_string();
}

} // namespace nat64::config
