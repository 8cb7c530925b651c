// SPDX-License-Identifier: Apache-2.0
// The two directions mirror each other; an asymmetry is explained where it stands.
#include "core/rfc6146/tuple.hpp"

#include "core/net/special_addresses.hpp"

namespace nat64::rfc6146 {

std::expected<void, DropReason> check_server4(Ipv4Addr server4,
                                              const AddressRules& rules) noexcept {
    if (is_never_forwarded(server4)) return std::unexpected{DropReason::IllegalDestination};
    if (rules.global_only && !is_global(server4))
        return std::unexpected{DropReason::NonGlobalIpv4};
    return {};
}

std::expected<Ipv4Addr, Refusal> check_addresses6(const PacketView& view,
                                                  const AddressRules& rules) noexcept {
    const auto source = view.ipv6().source.value();
    if (is_illegal_source(source))
        return std::unexpected{Refusal{DropReason::IllegalSource, {}}};
    // RFC 6146 §3.5: "packets with a source address that belongs to Pref64::/n MUST be silently
    // discarded": they would go round for ever.
    if (rules.prefix.contains(source))
        return std::unexpected{Refusal{DropReason::SourceInPrefix, {}}};
    const auto server4 = rules.prefix.extract(view.ipv6().destination.value());
    if (!server4) return std::unexpected{Refusal{DropReason::NotInPrefix, {}}};
    if (const auto ok = check_server4(*server4, rules); !ok)
        return std::unexpected{Refusal{ok.error(), kAdminProhibited6}};
    return *server4;
}

std::expected<void, Refusal> check_addresses4(const PacketView& view,
                                              const AddressRules& rules) noexcept {
    const auto source = view.ipv4().source.value();
    if (is_never_forwarded(source))
        return std::unexpected{Refusal{DropReason::IllegalSource, {}}};
    const bool error = view.has_transport_header() && view.is_icmp_error();
    if (rules.global_only && !error && !is_global(source))
        return std::unexpected{Refusal{DropReason::NonGlobalIpv4, {}}};
    return {};
}

OutboundFlow
outbound_flow(const PacketView& view, L4Proto protocol, Ipv4Addr server4) noexcept {
    OutboundFlow flow;
    flow.client6 = {view.ipv6().source.value(), Port{view.source_port}};
    flow.server4 = {server4, Port{view.destination_port}};
    flow.protocol = protocol;
    flow.tcp = TcpFlags{view.tcp_flags};
    flow.bytes = view.length;
    return flow;
}

InboundFlow inbound_flow(const PacketView& view, L4Proto protocol) noexcept {
    InboundFlow flow;
    flow.server4 = {view.ipv4().source.value(), Port{view.source_port}};
    flow.mapped4 = {view.ipv4().destination.value(), Port{view.destination_port}};
    flow.protocol = protocol;
    flow.tcp = TcpFlags{view.tcp_flags};
    flow.bytes = view.length;
    return flow;
}

} // namespace nat64::rfc6146
