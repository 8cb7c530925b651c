// SPDX-License-Identifier: Apache-2.0
// RFC 6146 §3.4, determining the incoming tuple: from a parsed packet to the flow it belongs
// to, or to the reason why it belongs to none. Addresses are judged here (what may be a
// source, what may be reached, RFC 6052 §3.1); whether the flow has a binding is the backend's
// answer.
#pragma once

#include "core/napt_backend.hpp"
#include "core/net/packet_view.hpp"
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

/// May an IPv4 server have this address? NonGlobalIpv4 or IllegalDestination if not.
[[nodiscard]] std::expected<void, DropReason> check_server4(Ipv4Addr server4,
                                                            const AddressRules& rules) noexcept;

/// Source and destination of an IPv6 packet: RFC 6146 §3.5 (source inside the prefix), RFC
/// 7915 §5.1 (illegal sources), RFC 6052. Returns the IPv4 destination.
[[nodiscard]] std::expected<Ipv4Addr, Refusal>
check_addresses6(const PacketView& view, const AddressRules& rules) noexcept;

/// Source of an IPv4 packet (RFC 7915 §4.1: illegal sources). ICMP errors may come from
/// routers whose address the prefix may not represent.
[[nodiscard]] std::expected<void, Refusal> check_addresses4(const PacketView& view,
                                                            const AddressRules& rules) noexcept;

/// The tuple of a TCP segment, UDP datagram or ICMP query with its transport header.
/// `protocol` is the view's.
[[nodiscard]] OutboundFlow
outbound_flow(const PacketView& view, L4Proto protocol, Ipv4Addr server4) noexcept;
[[nodiscard]] InboundFlow inbound_flow(const PacketView& view, L4Proto protocol) noexcept;

} // namespace nat64::rfc6146
