// SPDX-License-Identifier: Apache-2.0
// ICMP errors (RFC 6146 §3.4, §3.5; RFC 7915 §4.2, §4.3, §5.2, §5.3). An error belongs to the
// binding of the packet it quotes, whose direction is the opposite of the error's own; it
// creates and refreshes nothing. The two directions mirror each other but for the outer source:
// an IPv4 router has an IPv6 address under the prefix, an IPv6 router has no IPv4 address.
#include "core/counters.hpp"
#include "core/net/address.hpp"
#include "core/net/headers.hpp"
#include "core/net/packet_buffer.hpp"
#include "core/net/packet_view.hpp"
#include "core/net/transport.hpp"
#include "core/pipeline.hpp"
#include "core/rfc7915/rfc7915.hpp"
#include "core/verdict.hpp"

#include <expected>

namespace nat64 {

namespace {

/// ICMP that has no identifier to find a binding by, and is never translated.
bool is_other_icmp(const PacketView& view) noexcept {
    L4Proto protocol{};
    return view.l4(protocol) && protocol == L4Proto::Icmp && !view.is_echo();
}

/// The packet quoted by an ICMP error, if it can have come through this translator.
std::expected<PacketView, DropReason> parse_quoted(const PacketView& error) noexcept {
    const auto quoted =
        parse_packet(error.transport().subspan(sizeof(IcmpHeader)), Completeness::Quoted);
    if (!quoted || quoted->family != error.family || !quoted->has_transport_header())
        return std::unexpected{DropReason::BadQuotedPacket};
    if (quoted->is_icmp_error()) return std::unexpected{DropReason::QuotedIcmpError};
    if (is_other_icmp(*quoted)) return std::unexpected{DropReason::BadQuotedPacket};
    return *quoted;
}

} // namespace

Verdict Translator::Impl::outbound_error(PacketBuffer& packet, const Item& item) noexcept {
    const auto& view = item.view;
    const auto quoted = parse_quoted(view);
    if (!quoted) return counters.drop(quoted.error());
    L4Proto protocol{};
    if (!quoted->l4(protocol)) return counters.drop(DropReason::BadQuotedPacket);
    // An error goes back to the sender of what it quotes; anything else is made up.
    const auto& inner = quoted->ipv6();
    if (inner.source.value() != view.ipv6().destination.value())
        return counters.drop(DropReason::BadQuotedPacket);

    const Endpoint6 client6{inner.destination.value(), Port{quoted->destination_port}};
    const auto binding = backend.find_by_client(protocol, client6);
    if (!binding) return counters.drop(DropReason::NoBinding);

    const Endpoint4 server4{item.server4, Port{quoted->source_port}};
    // It answers what came from there: the machine itself may be told.
    const auto ruling = backend.inbound_ruling(client6.address, protocol, server4);
    if (const auto no = ruling.refusal()) return counters.drop(*no);
    const auto answer = outgoing4(*binding, server4, protocol);
    const rfc7915::Outgoing4 quoted_outgoing{answer.destination, answer.source};
    rfc7915::icmpv6_error_to_icmpv4(packet,
                                    view,
                                    *quoted,
                                    answer,
                                    quoted_outgoing,
                                    settings.rfc7915,
                                    identification,
                                    *scratch);
    counters.count(Direction::Outbound, L4Proto::Icmp, view.length);
    return send4(packet, item.server4);
}

Verdict
Translator::Impl::inbound_error(PacketBuffer& packet, const Item& item, Pass pass) noexcept {
    const auto& view = item.view;
    const auto quoted = parse_quoted(view);
    if (!quoted) return counters.drop(quoted.error());
    L4Proto protocol{};
    if (!quoted->l4(protocol)) return counters.drop(DropReason::BadQuotedPacket);
    const auto& inner = quoted->ipv4();
    if (inner.source.value() != view.ipv4().destination.value())
        return counters.drop(DropReason::BadQuotedPacket);

    const Endpoint4 mapped4{inner.source.value(), Port{quoted->source_port}};
    const auto binding = backend.find_by_mapped(protocol, mapped4);
    if (!binding) return counters.drop(DropReason::NoBinding);

    const auto server4 = inner.destination.value();
    const auto server6 = settings.prefix.embed(server4);
    const auto answer = outgoing6(*binding, server6, Port{quoted->destination_port}, protocol);
    const rfc7915::Outgoing6 quoted_outgoing{answer.destination, answer.source};
    const rfc7915::Outgoing6 outgoing{{error_source6(view.ipv4().source.value(), server4), {}},
                                      answer.destination};
    const auto count_hop = pass == Pass::First ? rfc7915::CountHop::Yes : rfc7915::CountHop::No;
    rfc7915::icmpv4_error_to_icmpv6(packet,
                                    view,
                                    *quoted,
                                    outgoing,
                                    quoted_outgoing,
                                    settings.rfc7915,
                                    count_hop,
                                    *scratch);
    counters.count(Direction::Inbound, L4Proto::Icmp, view.length);
    emit_->packet(packet);
    counters.emitted.add();
    return Verdict::Forward;
}

/// CHOICE(RFC 6146 §3.6.1): the source is the router itself under the prefix, not the session's
/// server, so that traceroute shows the path. A router that the prefix may not represent
/// (private addresses under the well-known prefix) is replaced by the gateway, as RFC 6791 does
/// it, and without a gateway address by the server: path MTU discovery depends on the error.
Ipv6Addr Translator::Impl::error_source6(Ipv4Addr router4, Ipv4Addr server4) const noexcept {
    if (rfc6146::check_server4(router4, rules)) return settings.prefix.embed(router4);
    return gateway_source6(settings).value_or(settings.prefix.embed(server4));
}

} // namespace nat64
