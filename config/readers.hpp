// SPDX-License-Identifier: Apache-2.0
// How the value of each key is read: one function a key, named in the schema. A function
// either puts the value into the reader's draft or complains; it sees its own key only (rules
// between keys are config/cross_checks').
#pragma once

#include "config/reader.hpp"

#include <cstdint>

namespace nat64::config::read {

/// A decimal integer from `lowest` to `highest`, or nullopt after complaining.
[[nodiscard]] std::optional<std::uint32_t>
integer(const Node& node, Reader& reader, std::uint32_t lowest, std::uint32_t highest);

/// true or false, or nullopt after complaining.
[[nodiscard]] std::optional<bool> boolean(const Node& node, Reader& reader);

/// An IPv4 address or prefix, or nullopt after complaining.
[[nodiscard]] std::optional<Prefix4> prefix4(const Node& node, Reader& reader);

/// A duration, or nullopt after complaining.
[[nodiscard]] std::optional<Clock::duration> duration(const Node& node, Reader& reader);

template <auto Member, std::uint32_t Lowest, std::uint32_t Highest>
void limit(const Node& node, Reader& reader) {
    if (const auto value = integer(node, reader, Lowest, Highest))
        reader.draft.config.napt.limits.*Member = *value;
}

template <auto Member>
void timeout(const Node& node, Reader& reader) {
    if (const auto value = duration(node, reader))
        reader.draft.config.napt.timeouts.*Member = *value;
}

void version(const Node& node, Reader& reader);
void prefix(const Node& node, Reader& reader);
void prefix_within(const Node& node, Reader& reader);
void prefix_suffix(const Node& node, Reader& reader);
void profile(const Node& node, Reader& reader);
void mycelium_api(const Node& node, Reader& reader);
void mycelium_suffix(const Node& node, Reader& reader);
void mycelium_poll(const Node& node, Reader& reader);
void wkp_strict(const Node& node, Reader& reader);
void napt(const Node& node, Reader& reader);
void pool(const Node& node, Reader& reader);
void pool_address(const Node& node, Reader& reader);
void pool_ports(const Node& node, Reader& reader);
void inner_pool(const Node& node, Reader& reader);
void statics(const Node& node, Reader& reader);
void static_protocol(const Node& node, Reader& reader);
void static_ipv6(const Node& node, Reader& reader);
void static_ipv4(const Node& node, Reader& reader);
void gateway_ipv4(const Node& node, Reader& reader);
void tun_name(const Node& node, Reader& reader);
void tun_offload(const Node& node, Reader& reader);
void mtu_ipv6(const Node& node, Reader& reader);
void mtu_ipv4(const Node& node, Reader& reader);
void mtu_lowest_ipv6(const Node& node, Reader& reader);
void mtu_clamp_mss(const Node& node, Reader& reader);
void dscp_to_ipv4(const Node& node, Reader& reader);
void dscp_to_ipv6(const Node& node, Reader& reader);
void timeouts_fragments(const Node& node, Reader& reader);
void timeouts_unsafe(const Node& node, Reader& reader);
void filtering(const Node& node, Reader& reader);
void clients_allow(const Node& node, Reader& reader);
void clients_deny(const Node& node, Reader& reader);
void destinations_allow(const Node& node, Reader& reader);
void destinations_deny(const Node& node, Reader& reader);
void destinations_private(const Node& node, Reader& reader);
void rule_prefix(const Node& node, Reader& reader);
void rule_protocol(const Node& node, Reader& reader);
void rule_ports(const Node& node, Reader& reader);
void shared_ports(const Node& node, Reader& reader);
void conntrack_ipv6(const Node& node, Reader& reader);
void icmp_rate(const Node& node, Reader& reader);
void control_socket(const Node& node, Reader& reader);
void control_group(const Node& node, Reader& reader);
void metrics_listen(const Node& node, Reader& reader);
void log_level(const Node& node, Reader& reader);
void log_format(const Node& node, Reader& reader);
void log_bindings(const Node& node, Reader& reader);
void log_sessions(const Node& node, Reader& reader);
void log_destinations(const Node& node, Reader& reader);

} // namespace nat64::config::read
