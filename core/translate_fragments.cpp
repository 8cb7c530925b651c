// SPDX-License-Identifier: Apache-2.0
// Fragments (RFC 6146 §3.4, RFC 7915 §4.1, §5.1.1). The first fragment is treated like a whole
// packet and decides for its siblings, which are translated one by one as they come; those
// that come before it are held. ICMP queries and IPv4 UDP without checksum are held until all
// pieces are there, since their checksum needs the whole, and then leave in order of their
// offsets.
#include "core/counters.hpp"
#include "core/net/bytes.hpp"
#include "core/net/checksum.hpp"
#include "core/net/headers.hpp"
#include "core/net/packet_buffer.hpp"
#include "core/net/packet_view.hpp"
#include "core/net/transport.hpp"
#include "core/pipeline.hpp"
#include "core/rfc7915/rfc7915.hpp"
#include "core/verdict.hpp"

#include <algorithm>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <variant>

namespace nat64 {

namespace {

/// A TCP fragment that starts inside the TCP header can only be meant to overwrite the ports
/// and flags that were judged (RFC 1858 §3, RFC 3128): the first fragment holds all of the
/// header.
bool reaches_into_tcp_header(const PacketView& view) noexcept {
    return view.protocol == kProtoTcp && view.fragment_offset != 0 &&
           view.fragment_offset < sizeof(TcpHeader);
}

bool needs_whole(const PacketView& first) noexcept {
    if (first.protocol == kProtoUdp)
        return first.family == Family::V4 && first.udp().checksum.value() == 0;
    return first.protocol != kProtoTcp;
}

} // namespace

// ---- holding ----

/// Each side has a table of its own: a flood from one does not cost the other its fragments.
rfc6146::FragmentTable& Translator::Impl::table_of(const Context& context) noexcept {
    return context.key.family == Family::V6 ? fragments6 : fragments4;
}

Translator::Impl::Context& Translator::Impl::context_of(const PacketView& view) noexcept {
    auto& table = view.family == Family::V6 ? fragments6 : fragments4;
    auto& context = table.find_or_create(rfc6146::fragment_key(view), now_);
    count_evicted(table);
    return context;
}

void Translator::Impl::count_evicted(rfc6146::FragmentTable& table) noexcept {
    const auto lost = table.take_evicted();
    for (unsigned i = 0; i < lost; ++i)
        counters.drop(DropReason::FragmentLimit);
}

Verdict Translator::Impl::hold(Context& context,
                               const PacketBuffer& packet,
                               const PacketView& view) noexcept {
    auto& table = table_of(context);
    const auto held = table.hold(context, packet, view);
    count_evicted(table);
    if (!held) {
        // RFC 5722 §4: with one overlap, all fragments of the packet are given up.
        if (held.error() == DropReason::FragmentOverlap) refuse_siblings(context);
        return counters.drop(held.error());
    }
    counters.held.add();
    return Verdict::Held;
}

/// The context stays, so that pieces that come later are dropped too.
void Translator::Impl::refuse_siblings(Context& context) noexcept {
    context.decision = rfc6146::Refused{};
    const auto lost = table_of(context).drop_pieces(context);
    for (unsigned i = 0; i < lost; ++i)
        counters.drop(DropReason::FragmentRefused);
}

// ---- IPv6 to IPv4 ----

Verdict Translator::Impl::outbound_fragment(PacketBuffer& packet, const Item& item) noexcept {
    const auto& view = item.view;
    if (reaches_into_tcp_header(view)) return counters.drop(DropReason::FragmentOverlap);
    const bool first = view.has_transport_header();
    if (first && view.is_icmp_error()) return counters.drop(DropReason::FragmentedIcmpError);
    auto& context = context_of(view);
    if (std::holds_alternative<rfc6146::Refused>(context.decision))
        return counters.drop(DropReason::FragmentRefused);
    if (first && !needs_whole(view)) return first_outbound(packet, item, context);
    if (const auto* outgoing = std::get_if<rfc7915::Outgoing4>(&context.decision)) {
        const auto copy = *outgoing;
        fragments6.passed(context, view);
        return outbound_piece(packet, view, copy, 0);
    }
    if (first) context.decision = rfc6146::Collecting{};
    const auto verdict = hold(context, packet, view);
    if (verdict == Verdict::Held &&
        std::holds_alternative<rfc6146::Collecting>(context.decision) &&
        fragments6.complete(context))
        collected_outbound(context, item.server4);
    return verdict;
}

Verdict Translator::Impl::first_outbound(PacketBuffer& packet,
                                         const Item& item,
                                         Context& context) noexcept {
    const auto& view = item.view;
    L4Proto protocol{};
    if (!view.l4(protocol)) return counters.drop(DropReason::UnknownProtocol);
    const auto flow = rfc6146::outbound_flow(view, protocol, item.server4);
    const auto resolved = backend.resolve_outbound(flow, now_);
    if (!resolved) {
        refuse_siblings(context);
        return not_now(packet, view, resolved.error());
    }
    const auto outgoing = outgoing4(*resolved, flow.server4, protocol);
    context.decision = outgoing;
    const auto verdict = outbound_piece(packet, view, outgoing, 0);
    while (auto* held = fragments6.take(context)) {
        counters.released.add();
        if (const auto piece = parse_packet(held->bytes()); piece)
            outbound_piece(*held, *piece, outgoing, 0);
        fragments6.give_back(*held);
    }
    fragments6.passed(context, view);
    return verdict;
}

/// All pieces of an ICMPv6 query are here.
void Translator::Impl::collected_outbound(Context& context, Ipv4Addr server4) noexcept {
    const auto transport_length = context.transport_length;
    std::optional<rfc7915::Outgoing4> outgoing;
    while (auto* held = fragments6.take(context)) {
        const auto view = parse_packet(held->bytes());
        assert(view); // it was parsed when it was held
        if (!outgoing) {
            const auto flow = rfc6146::outbound_flow(*view, L4Proto::Icmp, server4);
            const auto resolved = backend.resolve_outbound(flow, now_);
            if (!resolved) {
                not_now(*held, *view, resolved.error());
                fragments6.give_back(*held);
                refuse_siblings(context);
                return;
            }
            outgoing = outgoing4(*resolved, flow.server4, L4Proto::Icmp);
        }
        counters.released.add();
        outbound_piece(*held, *view, *outgoing, transport_length);
        fragments6.give_back(*held);
    }
    table_of(context).discard(context);
}

Verdict Translator::Impl::outbound_piece(PacketBuffer& packet,
                                         const PacketView& view,
                                         const rfc7915::Outgoing4& outgoing,
                                         std::uint32_t transport_length) noexcept {
    L4Proto protocol{};
    if (view.l4(protocol)) counters.count(Direction::Outbound, protocol, view.length);
    rfc7915::ipv6_to_ipv4(
        packet, view, outgoing, settings.rfc7915, identification, transport_length);
    return send4(packet, outgoing.destination.address);
}

// ---- IPv4 to IPv6 ----

Verdict Translator::Impl::inbound_fragment(PacketBuffer& packet,
                                           const PacketView& view,
                                           Pass pass) noexcept {
    if (reaches_into_tcp_header(view)) return counters.drop(DropReason::FragmentOverlap);
    const bool first = view.has_transport_header();
    if (first && view.is_icmp_error()) return counters.drop(DropReason::FragmentedIcmpError);
    auto& context = context_of(view);
    if (std::holds_alternative<rfc6146::Refused>(context.decision))
        return counters.drop(DropReason::FragmentRefused);
    if (first && !needs_whole(view)) {
        if (!std::holds_alternative<rfc6146::Collecting>(context.decision))
            return first_inbound(packet, view, context, pass);
        // The held one has no checksum and must not leave without.
        refuse_siblings(context);
        return counters.drop(DropReason::FragmentOverlap);
    }
    if (const auto* outgoing = std::get_if<rfc7915::Outgoing6>(&context.decision)) {
        // A second first fragment, now without checksum: two packets under one identification.
        if (first) return counters.drop(DropReason::FragmentOverlap);
        const auto copy = *outgoing;
        fragments4.passed(context, view);
        return inbound_piece(packet, view, copy, 0, pass);
    }
    if (first) context.decision = rfc6146::Collecting{};
    const auto verdict = hold(context, packet, view);
    if (verdict == Verdict::Held &&
        std::holds_alternative<rfc6146::Collecting>(context.decision) &&
        fragments4.complete(context))
        collected_inbound(context, pass);
    return verdict;
}

Verdict Translator::Impl::first_inbound(PacketBuffer& packet,
                                        const PacketView& view,
                                        Context& context,
                                        Pass pass) noexcept {
    L4Proto protocol{};
    if (!view.l4(protocol)) return counters.drop(DropReason::UnknownProtocol);
    const auto flow = rfc6146::inbound_flow(view, protocol);
    const auto resolved = backend.resolve_inbound(flow, packet, now_);
    if (!resolved) {
        refuse_siblings(context);
        return not_now(packet, view, resolved.error());
    }
    const auto server6 = settings.prefix.embed(flow.server4.address);
    const auto outgoing = outgoing6(*resolved, server6, flow.server4.port, protocol);
    context.decision = outgoing;
    const auto verdict = inbound_piece(packet, view, outgoing, 0, pass);
    while (auto* held = fragments4.take(context)) {
        counters.released.add();
        if (const auto piece = parse_packet(held->bytes()); piece)
            inbound_piece(*held, *piece, outgoing, 0, pass);
        fragments4.give_back(*held);
    }
    fragments4.passed(context, view);
    return verdict;
}

/// All pieces of an ICMPv4 query or of a UDP datagram without checksum are here.
void Translator::Impl::collected_inbound(Context& context, Pass pass) noexcept {
    const auto transport_length = context.transport_length;
    if (context.key.protocol == kProtoUdp && !fill_udp_checksum(context)) {
        counters.drop(DropReason::BadTransportHeader);
        if (auto* first = fragments4.take(context)) fragments4.give_back(*first);
        refuse_siblings(context);
        return;
    }
    std::optional<rfc7915::Outgoing6> outgoing;
    while (auto* held = fragments4.take(context)) {
        const auto view = parse_packet(held->bytes());
        assert(view); // it was parsed when it was held
        if (!outgoing) {
            L4Proto protocol{};
            [[maybe_unused]] const bool known = view->l4(protocol);
            assert(known);
            const auto flow = rfc6146::inbound_flow(*view, protocol);
            const auto resolved = backend.resolve_inbound(flow, *held, now_);
            if (!resolved) {
                not_now(*held, *view, resolved.error());
                fragments4.give_back(*held);
                refuse_siblings(context);
                return;
            }
            const auto server6 = settings.prefix.embed(flow.server4.address);
            outgoing = outgoing6(*resolved, server6, flow.server4.port, protocol);
        }
        counters.released.add();
        inbound_piece(*held, *view, *outgoing, transport_length, pass);
        fragments4.give_back(*held);
    }
    table_of(context).discard(context);
}

/// RFC 7915 §4.5 and RFC 6146 §3.4: a UDP datagram without checksum that comes in fragments
/// gets the checksum its sender left out, so that what follows need not know. It covers what
/// the UDP length says, which may end before the packet does (RFC 9868). False if it says more
/// than there is.
bool Translator::Impl::fill_udp_checksum(Context& context) noexcept {
    ChecksumSum sum;
    Be16* field = nullptr;
    std::size_t left = 0;
    fragments4.for_each(context, [&](PacketBuffer& piece) {
        const auto view = parse_packet(piece.bytes());
        assert(view); // it was parsed when it was held
        if (view->has_transport_header()) {
            const auto& ip = view->ipv4();
            left = view->udp().length.value();
            sum = pseudo_header(ip.source.value(),
                                ip.destination.value(),
                                kProtoUdp,
                                static_cast<std::uint32_t>(left));
            if (left > context.transport_length) left = 0;
            field =
                left == 0
                    ? nullptr
                    : &overlay<Be16>(piece.bytes(),
                                     view->transport_offset + offsetof(UdpHeader, checksum));
        }
        const auto part = view->transport().first(std::min(left, view->transport().size()));
        sum.add(part);
        left -= part.size();
    });
    if (field == nullptr) return false;
    const auto checksum = sum.checksum();
    *field = checksum == 0 ? std::uint16_t{0xffff} : checksum;
    return true;
}

Verdict Translator::Impl::inbound_piece(PacketBuffer& packet,
                                        const PacketView& view,
                                        const rfc7915::Outgoing6& outgoing,
                                        std::uint32_t transport_length,
                                        Pass pass) noexcept {
    L4Proto protocol{};
    if (view.l4(protocol)) counters.count(Direction::Inbound, protocol, view.length);
    const auto count_hop = pass == Pass::First ? rfc7915::CountHop::Yes : rfc7915::CountHop::No;
    const auto pieces = rfc7915::ipv4_to_ipv6(packet,
                                              view,
                                              outgoing,
                                              settings.rfc7915,
                                              count_hop,
                                              *scratch,
                                              *emit_,
                                              transport_length);
    counters.emitted.add(pieces);
    if (pieces > 1) counters.fragmented.add();
    return Verdict::Forward;
}

} // namespace nat64
