// SPDX-License-Identifier: Apache-2.0
// How the effective value of each key is written: one function a key, named in the schema.
// What they write, config/readers reads back as the same value.
#pragma once

#include "config/duration.hpp"
#include "config/schema.hpp"

namespace nat64::config::write {

template <auto Member>
Written limit(const Config& config) {
    return {std::to_string(config.napt.limits.*Member), {}};
}

template <auto Member>
Written timeout(const Config& config) {
    return {to_string(config.napt.timeouts.*Member), {}};
}

Written version(const Config& config);
Written prefix(const Config& config);
Written wkp_strict(const Config& config);
Written napt(const Config& config);
Written pool(const Config& config);
Written inner_pool(const Config& config);
Written statics(const Config& config);
Written gateway_ipv4(const Config& config);
Written tun_name(const Config& config);
Written tun_offload(const Config& config);
Written mtu_ipv6(const Config& config);
Written mtu_ipv4(const Config& config);
Written mtu_lowest_ipv6(const Config& config);
Written mtu_clamp_mss(const Config& config);
Written dscp_to_ipv4(const Config& config);
Written dscp_to_ipv6(const Config& config);
Written timeouts_fragments(const Config& config);
Written timeouts_unsafe(const Config& config);
Written profile(const Config& config);
Written mycelium_api(const Config& config);
Written mycelium_suffix(const Config& config);
Written mycelium_poll(const Config& config);
Written filtering(const Config& config);
Written clients_allow(const Config& config);
Written clients_deny(const Config& config);
Written destinations_private(const Config& config);
Written destinations_allow(const Config& config);
Written destinations_deny(const Config& config);
Written shared_ports(const Config& config);
Written conntrack_ipv6(const Config& config);
Written icmp_rate(const Config& config);
Written control_socket(const Config& config);
Written control_group(const Config& config);
Written metrics_listen(const Config& config);
Written log_level(const Config& config);
Written log_format(const Config& config);
Written log_bindings(const Config& config);
Written log_sessions(const Config& config);
Written log_destinations(const Config& config);

} // namespace nat64::config::write
