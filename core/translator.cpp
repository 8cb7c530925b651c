// SPDX-License-Identifier: Apache-2.0
// A batch goes through in two halves. First every packet is parsed, judged and turned into a
// flow, so that the backend can fetch what it needs for all of them at once; then each is
// resolved, rewritten and emitted in the order it came. A packet that is refused is answered at
// once. Plain packets (plain.hpp) go straight through both halves.
#include "core/translator.hpp"

#include "core/net/address.hpp"
#include "core/net/offload.hpp"
#include "core/net/transport.hpp"
#include "core/pipeline.hpp"
#include "core/plain.hpp"
#include "core/refusal.hpp"
#include "core/verdict.hpp"

#include <algorithm>
#include <cassert>
#include <variant>

namespace nat64 {

namespace {

/// How many fragmented packets one call to expire() gives up at the most.
constexpr unsigned kFragmentExpiryBudget = 64;

IcmpReplier::Settings replier_settings(const TranslatorSettings& settings) noexcept {
    return {settings.gateway4, gateway_source6(settings), settings.icmp_errors_per_second};
}

rfc6146::FragmentTableSize fragment_sizes(const TranslatorSettings& settings) noexcept {
    const auto largest =
        std::max({settings.rfc7915.ipv6_mtu, settings.rfc7915.ipv4_mtu, Mtu{1500}});
    return {settings.fragments_held, settings.fragment_buffers, largest};
}

} // namespace

rfc6146::AddressRules address_rules(const TranslatorSettings& settings) noexcept {
    return {settings.prefix, settings.wkp_strict && settings.prefix.is_well_known()};
}

/// The gateway as the IPv4 router it is, under the prefix, so that both sides of a traceroute
/// know it by one address; RFC 6052 §3.1 may forbid that.
std::optional<Ipv6Addr> gateway_source6(const TranslatorSettings& settings) noexcept {
    const auto& gateway4 = settings.gateway4;
    if (gateway4 && rfc6146::check_server4(*gateway4, address_rules(settings)))
        return settings.prefix.embed(*gateway4);
    return settings.gateway6;
}

Translator::Impl::Impl(const TranslatorSettings& s, NaptBackend& b, Counters& c, Rng& rng)
    : settings{s},
      rules{address_rules(s)},
      backend{b},
      counters{c},
      identification{rng},
      replier{replier_settings(s)},
      fragments6{fragment_sizes(s), rng},
      fragments4{fragment_sizes(s), rng},
      scratch{std::make_unique_for_overwrite<rfc7915::Scratch>()} {}

// ---- plain packets ----

[[gnu::always_inline]] inline bool Translator::Impl::recognise(const PacketBuffer& packet,
                                                               Item& item) noexcept {
    switch (ip_version(packet.bytes())) {
    case 6:
        item.kind = Kind::PlainOutbound;
        item.flow = outbound_count_;
        if (!plain::recognise(outbound_[item.flow], packet, rules, settings.rfc7915))
            return false;
        ++outbound_count_;
        return true;
    case 4:
        item.kind = Kind::PlainInbound;
        item.flow = inbound_count_;
        if (!plain::recognise(inbound_[item.flow], packet, rules, settings.rfc7915))
            return false;
        ++inbound_count_;
        return true;
    default:
        return false;
    }
}

/// How many items from the first one are of its kind: their flows stand behind each other.
std::size_t Translator::Impl::run_of(std::span<const Item> items) noexcept {
    std::size_t size = 1;
    while (size < items.size() && items[size].kind == items[0].kind)
        ++size;
    return size;
}

/// Forwards a run up to and with the first packet that needs the general way. Returns how many
/// packets that are.
std::size_t Translator::Impl::plain_outbound(std::span<PacketBuffer> packets,
                                             std::span<OutboundFlow> flows) noexcept {
    const auto known = backend.refresh_outbound(flows, now_);
    for (std::size_t i = 0; i < known; ++i) {
        const auto& flow = flows[i];
        plain::to_ipv4(
            packets[i], {flow.mapped4, flow.server4}, settings.rfc7915, identification);
        counters.count(Direction::Outbound, flow.protocol, flow.bytes);
    }
    emit_->packets(packets.first(known));
    counters.emitted.add(known);
    if (known == packets.size()) return known;
    const auto view = parse_packet(packets[known].bytes());
    assert(view);
    outbound(packets[known], *view, flows[known]);
    return known + 1;
}

std::size_t Translator::Impl::plain_inbound(std::span<PacketBuffer> packets,
                                            std::span<InboundFlow> flows) noexcept {
    const auto known = backend.refresh_inbound(flows, now_);
    for (std::size_t i = 0; i < known; ++i) {
        const auto& flow = flows[i];
        const auto server6 = settings.prefix.embed(flow.server4.address);
        plain::to_ipv6(
            packets[i], {{server6, flow.server4.port}, *flow.client6}, settings.rfc7915);
        counters.count(Direction::Inbound, flow.protocol, flow.bytes);
    }
    emit_->packets(packets.first(known));
    counters.emitted.add(known);
    if (known == packets.size()) return known;
    const auto view = parse_packet(packets[known].bytes());
    assert(view);
    if (backend.owns(flows[known].mapped4.address))
        inbound(packets[known], *view, flows[known], Pass::First);
    else
        counters.drop(DropReason::NotInPool);
    return known + 1;
}

// ---- a batch ----

void Translator::Impl::handle(std::span<PacketBuffer> batch,
                              Clock::time_point now,
                              Emit& emit) noexcept {
    assert(batch.size() <= kMaxBatch);
    now_ = now;
    emit_ = &emit;
    outbound_count_ = inbound_count_ = 0;
    counters.received.add(batch.size());
    for (std::size_t i = 0; i < batch.size(); ++i)
        if (auto& item = items_[i]; !recognise(batch[i], item)) [[unlikely]]
            item.kind = classify(batch[i], item);

    backend.prepare({outbound_.data(), outbound_count_}, {inbound_.data(), inbound_count_});

    const auto items = std::span<const Item>{items_}.first(batch.size());
    for (std::size_t i = 0; i < batch.size();)
        i += forward(batch.subspan(i), items.subspan(i));
}

/// Forwards the first packet, and those behind it that go with it. Returns how many.
std::size_t Translator::Impl::forward(std::span<PacketBuffer> packets,
                                      std::span<const Item> items) noexcept {
    auto& packet = packets[0];
    const auto& item = items[0];
    switch (item.kind) {
    case Kind::Finished:
        break;
    case Kind::PlainOutbound: {
        const auto run = run_of(items);
        return plain_outbound(packets.first(run), {&outbound_[item.flow], run});
    }
    case Kind::PlainInbound: {
        const auto run = run_of(items);
        return plain_inbound(packets.first(run), {&inbound_[item.flow], run});
    }
    case Kind::Outbound:
        outbound(packet, item.view, outbound_[item.flow]);
        break;
    case Kind::Inbound:
        inbound(packet, item.view, inbound_[item.flow], Pass::First);
        break;
    case Kind::OutboundError:
        outbound_error(packet, item);
        break;
    case Kind::InboundError:
        inbound_error(packet, item, Pass::First);
        break;
    case Kind::OutboundFragment:
        outbound_fragment(packet, item);
        break;
    case Kind::InboundFragment:
        inbound_fragment(packet, item.view, Pass::First);
        break;
    }
    return 1;
}

// ---- RFC 6146 §3.4: the incoming tuple ----

Translator::Impl::Kind Translator::Impl::classify(PacketBuffer& packet, Item& item) noexcept {
    const auto parsed = parse_packet(packet.bytes());
    if (!parsed) {
        counters.drop(parsed.error());
        return Kind::Finished;
    }
    item.view = *parsed;
    packet.resize(parsed->bytes.size());
    if (const auto ok = normalize_offload(packet, item.view); !ok) {
        counters.drop(ok.error());
        return Kind::Finished;
    }
    return item.view.family == Family::V6 ? classify6(packet, item) : classify4(packet, item);
}

Translator::Impl::Kind Translator::Impl::classify6(PacketBuffer& packet, Item& item) noexcept {
    const auto& view = item.view;
    const auto server4 = rfc6146::check_addresses6(view, rules);
    if (!server4) {
        refuse(packet, view, server4.error());
        return Kind::Finished;
    }
    if (const auto ok = rfc7915::check_ipv6_to_ipv4(view, packet.offload, settings.rfc7915);
        !ok) {
        refuse(packet, view, ok.error());
        return Kind::Finished;
    }
    item.server4 = *server4;
    if (view.is_fragment()) return Kind::OutboundFragment;
    if (view.is_icmp_error()) return Kind::OutboundError;
    L4Proto protocol{};
    [[maybe_unused]] const bool known = view.l4(protocol);
    assert(known);
    item.flow = outbound_count_++;
    outbound_[item.flow] = rfc6146::outbound_flow(view, protocol, *server4);
    return Kind::Outbound;
}

Translator::Impl::Kind Translator::Impl::classify4(PacketBuffer& packet, Item& item) noexcept {
    const auto& view = item.view;
    // RFC 6146 §3.5: "not in the pool" comes first: what is not ours gets no answer from us.
    if (!backend.owns(view.ipv4().destination.value())) {
        counters.drop(DropReason::NotInPool);
        return Kind::Finished;
    }
    if (const auto ok = rfc6146::check_addresses4(view, rules); !ok) {
        refuse(packet, view, ok.error());
        return Kind::Finished;
    }
    if (const auto ok = rfc7915::check_ipv4_to_ipv6(view, packet.offload, settings.rfc7915);
        !ok) {
        refuse(packet, view, ok.error());
        return Kind::Finished;
    }
    if (view.is_fragment()) return Kind::InboundFragment;
    if (view.is_icmp_error()) return Kind::InboundError;
    L4Proto protocol{};
    [[maybe_unused]] const bool known = view.l4(protocol);
    assert(known);
    item.flow = inbound_count_++;
    inbound_[item.flow] = rfc6146::inbound_flow(view, protocol);
    return Kind::Inbound;
}

// ---- RFC 6146 §3.5 to §3.7 ----

Verdict Translator::Impl::outbound(PacketBuffer& packet,
                                   const PacketView& view,
                                   const OutboundFlow& flow) noexcept {
    const auto resolved = backend.resolve_outbound(flow, now_);
    if (!resolved) return not_now(packet, view, resolved.error());
    const auto outgoing = outgoing4(*resolved, flow.server4, flow.protocol);
    rfc7915::ipv6_to_ipv4(packet, view, outgoing, settings.rfc7915, identification);
    counters.count(Direction::Outbound, flow.protocol, flow.bytes);
    return send4(packet, flow.server4.address);
}

Verdict Translator::Impl::inbound(PacketBuffer& packet,
                                  const PacketView& view,
                                  const InboundFlow& flow,
                                  Pass pass) noexcept {
    const auto resolved = backend.resolve_inbound(flow, packet, now_);
    if (!resolved) return not_now(packet, view, resolved.error());
    const auto server6 = settings.prefix.embed(flow.server4.address);
    const auto outgoing = outgoing6(*resolved, server6, flow.server4.port, flow.protocol);
    const auto count_hop = pass == Pass::First ? rfc7915::CountHop::Yes : rfc7915::CountHop::No;
    const auto pieces = rfc7915::ipv4_to_ipv6(
        packet, view, outgoing, settings.rfc7915, count_hop, *scratch, *emit_);
    counters.emitted.add(pieces);
    if (pieces > 1) counters.fragmented.add();
    counters.count(Direction::Inbound, flow.protocol, flow.bytes);
    return Verdict::Forward;
}

// ---- RFC 6146 §3.8: hairpinning ----

Verdict Translator::Impl::send4(PacketBuffer& packet, Ipv4Addr destination) noexcept {
    if (backend.owns(destination)) return hairpin(packet);
    emit_->packet(packet);
    counters.emitted.add();
    return Verdict::Forward;
}

/// The packet is now what an IPv4 host would have sent to the pool: once more, the other way.
/// It cannot come here a third time, since what goes round leaves as IPv6; nor by way of the
/// kernel's routes, since no backend has a client inside the prefix.
Verdict Translator::Impl::hairpin(PacketBuffer& packet) noexcept {
    counters.hairpinned.add();
    const auto parsed = parse_packet(packet.bytes());
    if (!parsed) return counters.drop(parsed.error());
    const auto& view = *parsed;
    if (const auto ok = rfc7915::check_ipv4_to_ipv6(
            view, packet.offload, settings.rfc7915, rfc7915::CountHop::No);
        !ok)
        return refuse(packet, view, ok.error());
    if (view.is_fragment()) return inbound_fragment(packet, view, Pass::Hairpin);
    if (view.is_icmp_error()) {
        Item item;
        item.view = view;
        return inbound_error(packet, item, Pass::Hairpin);
    }
    L4Proto protocol{};
    if (!view.l4(protocol)) return counters.drop(DropReason::UnknownProtocol);
    return inbound(packet, view, rfc6146::inbound_flow(view, protocol), Pass::Hairpin);
}

// ---- refusing ----

Verdict Translator::Impl::refuse(const PacketBuffer& packet,
                                 const PacketView& view,
                                 const Refusal& refusal) noexcept {
    const auto verdict = counters.drop(refusal.reason);
    if (!refusal.answer) return verdict;
    const bool sent = replier.reply(view, packet, *refusal.answer, now_, counters, *emit_);
    return sent ? Verdict::Reply : verdict;
}

Verdict Translator::Impl::not_now(const PacketBuffer& packet,
                                  const PacketView& view,
                                  const NotNow& why) noexcept {
    if (const auto* refusal = std::get_if<Refusal>(&why)) return refuse(packet, view, *refusal);
    counters.held.add();
    return Verdict::Held;
}

// ---- timers ----

Clock::time_point
Translator::Impl::expire(Clock::time_point now, Budget budget, Emit& emit) noexcept {
    now_ = now;
    emit_ = &emit;
    expire_fragments(fragments6, now);
    expire_fragments(fragments4, now);
    const auto backend_next = backend.expire(now, budget, *this);
    return std::min({backend_next,
                     fragments6.next_deadline(settings.fragment_timeout),
                     fragments4.next_deadline(settings.fragment_timeout)});
}

void Translator::Impl::expire_fragments(rfc6146::FragmentTable& table,
                                        Clock::time_point now) noexcept {
    for (unsigned i = 0; i < kFragmentExpiryBudget; ++i) {
        const auto lost = table.expire_one(now, settings.fragment_timeout);
        if (!lost) return;
        for (unsigned piece = 0; piece < *lost; ++piece)
            counters.drop(DropReason::FragmentTimeout);
    }
}

/// RFC 6146 §3.5.2.2: "a probe packet ... to at least one of the endpoints", the IPv6 one.
void Translator::Impl::tcp_probe(const Endpoint6& client6, const Endpoint4& server4) noexcept {
    const Endpoint6 server6{settings.prefix.embed(server4.address), server4.port};
    replier.tcp_probe(server6, client6, counters, *emit_);
}

/// RFC 6146 §3.5.2.2: ICMPv4 Port Unreachable quoting the SYN that nobody claimed.
void Translator::Impl::syn_expired(PacketBuffer& syn) noexcept {
    const auto parsed = parse_packet(syn.bytes());
    if (parsed)
        refuse(syn, *parsed, {DropReason::SynExpired, kPortUnreachable4});
    else
        counters.drop(DropReason::SynExpired);
}

void Translator::Impl::syn_superseded() noexcept {
    counters.drop(DropReason::SynSuperseded);
}

// ---- Translator ----

Translator::Translator(const TranslatorSettings& settings,
                       NaptBackend& backend,
                       Counters& counters,
                       Rng& rng)
    : impl_{std::make_unique<Impl>(settings, backend, counters, rng)} {}

Translator::~Translator() = default;

void Translator::handle(std::span<PacketBuffer> batch,
                        Clock::time_point now,
                        Emit& emit) noexcept {
    impl_->handle(batch, now, emit);
}

Clock::time_point
Translator::expire(Clock::time_point now, Budget budget, Emit& emit) noexcept {
    return impl_->expire(now, budget, emit);
}

void Translator::apply(const TranslatorSettings& settings) noexcept {
    impl_->settings = settings;
    impl_->rules = address_rules(settings);
    impl_->replier.apply(replier_settings(settings));
}

} // namespace nat64
