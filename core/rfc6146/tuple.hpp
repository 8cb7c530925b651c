// SPDX-License-Identifier: Apache-2.0
// RFC 6146 §3.4, determining the incoming tuple: from a parsed packet to the flow it belongs
// to, or to the reason why it belongs to none. Addresses are judged here (what may be a
// source, what may be reached, RFC 6052 §3.1); whether the flow has a binding is the backend's
// answer. What every packet passes is inline. The two directions mirror each other; an
// asymmetry is explained where it stands.
#pragma once

#include "core/napt_backend.hpp"
#include "core/net/packet_view.hpp"
#include "core/net/special_addresses.hpp"
#include "core/refusal.hpp"
#include "core/rfc6052.hpp"

#include <expected>

namespace nat64::rfc6146 {

/// The rules by which addresses are judged.
struct AddressRules {
    rfc6052::Nat64Prefix prefix;
    /// RFC 6052 §3.1: the well-known prefix must not represent non-global IPv4 addresses.
    bool global_only = true;
};

// ---- may they talk? ----

/// May an IPv6 client have this address? RFC 7915 §5.1 (illegal sources); RFC 6146 §3.5: what
/// comes from inside the prefix would go round for ever.
[[nodiscard, gnu::always_inline]] inline bool
may_be_client6(const Ipv6Addr& client6, const AddressRules& rules) noexcept {
    return !is_illegal_source(client6) && !rules.prefix.contains(client6);
}

/// May an IPv4 server have this address?
[[nodiscard, gnu::always_inline]] inline bool
may_be_server4(Ipv4Addr server4, const AddressRules& rules) noexcept {
    return !is_never_forwarded(server4) && (!rules.global_only || is_global(server4));
}

// ---- ... and if not, why? ----

/// NonGlobalIpv4 or IllegalDestination if an IPv4 server may not have this address.
[[nodiscard]] std::expected<void, DropReason> check_server4(Ipv4Addr server4,
                                                            const AddressRules& rules) noexcept;

/// May a packet have this IPv6 source? RFC 6146 §3.5 (source inside the prefix), RFC 7915 §5.1
/// (illegal sources).
[[nodiscard]] std::expected<void, Refusal> check_source6(const Ipv6Addr& source,
                                                         const AddressRules& rules) noexcept;

/// RFC 6052: the IPv4 destination inside an IPv6 one, if it may be reached.
[[nodiscard]] std::expected<Ipv4Addr, Refusal>
check_destination6(const Ipv6Addr& destination, const AddressRules& rules) noexcept;

/// May a packet have this IPv4 source (RFC 7915 §4.1: illegal sources)?
[[nodiscard]] std::expected<void, Refusal> check_source4(Ipv4Addr source,
                                                         const AddressRules& rules) noexcept;

/// Destination and source of an IPv6 packet: RFC 6052, RFC 7915 §5.1 (illegal sources), RFC
/// 6146 §3.5 (source inside the prefix). Returns the IPv4 destination. What is not for our
/// prefix comes first: whatever else is odd about it is no concern of ours.
[[nodiscard]] std::expected<Ipv4Addr, Refusal>
check_addresses6(const PacketView& view, const AddressRules& rules) noexcept;

/// Source of an IPv4 packet. ICMP errors may come from routers whose address the prefix may
/// not represent.
[[nodiscard]] std::expected<void, Refusal> check_addresses4(const PacketView& view,
                                                            const AddressRules& rules) noexcept;

// ---- the tuple ----

/// The tuple of a TCP segment, UDP datagram or ICMP query with its transport header.
/// `protocol` is the view's.
[[gnu::always_inline]] inline void take_flow(OutboundFlow& flow,
                                             const PacketView& view,
                                             L4Proto protocol,
                                             Ipv4Addr server4) noexcept {
    flow.client6.address = view.ipv6().source.value();
    flow.client6.port = Port{view.source_port};
    flow.server4.address = server4;
    flow.server4.port = Port{view.destination_port};
    flow.protocol = protocol;
    flow.tcp = TcpFlags{view.tcp_flags};
    flow.bytes = view.length;
    flow.prepared = 0;
}

[[gnu::always_inline]] inline void
take_flow(InboundFlow& flow, const PacketView& view, L4Proto protocol) noexcept {
    flow.server4.address = view.ipv4().source.value();
    flow.server4.port = Port{view.source_port};
    flow.mapped4.address = view.ipv4().destination.value();
    flow.mapped4.port = Port{view.destination_port};
    flow.protocol = protocol;
    flow.tcp = TcpFlags{view.tcp_flags};
    flow.bytes = view.length;
    flow.prepared = 0;
}

[[nodiscard]] inline OutboundFlow
outbound_flow(const PacketView& view, L4Proto protocol, Ipv4Addr server4) noexcept {
    OutboundFlow flow;
    take_flow(flow, view, protocol, server4);
    return flow;
}

[[nodiscard]] inline InboundFlow inbound_flow(const PacketView& view,
                                              L4Proto protocol) noexcept {
    InboundFlow flow;
    take_flow(flow, view, protocol);
    return flow;
}

} // namespace nat64::rfc6146
