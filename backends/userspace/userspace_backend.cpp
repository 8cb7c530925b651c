// SPDX-License-Identifier: Apache-2.0
// RFC 6146 §3.5: UDP (§3.5.1), TCP (§3.5.2) and ICMP queries (§3.5.3), from both sides. The
// three differ in what may begin a session and in the answer to what may not.
#include "backends/userspace/userspace_backend.hpp"

#include "core/clock.hpp"
#include "core/napt_settings.hpp"
#include "core/net/address.hpp"
#include "core/net/headers.hpp"
#include "core/net/packet_buffer.hpp"
#include "core/net/transport.hpp"
#include "core/policy.hpp"
#include "core/pool/address_pool.hpp"
#include "core/refusal.hpp"
#include "core/verdict.hpp"

#include <cassert>
#include <cstddef>
#include <expected>

namespace nat64::userspace {

namespace {

// A segment that may begin a connection. A SYN with ACK answers one that we would know; it is
// one of "any other packet" here (RFC 6146 §3.5.2.2, CLOSED).
constexpr bool begins(L4Proto protocol, TcpFlags tcp) noexcept {
    if (protocol != L4Proto::Tcp) return true;
    constexpr auto kRelevant =
        TcpFlags::kSyn | TcpFlags::kAck | TcpFlags::kFin | TcpFlags::kRst;
    return (tcp.bits & kRelevant) == TcpFlags::kSyn;
}

constexpr SessionState initial_state(L4Proto protocol, Side side) noexcept {
    if (protocol != L4Proto::Tcp) return SessionState::Active;
    return side == Side::V6 ? SessionState::V6Init : SessionState::V4Init;
}

// Both ends have sent a SYN, and none has acknowledged the other's yet.
constexpr void claim(Opening& opening) noexcept {
    opening.state = SessionState::Established;
    opening.partially_open = true;
}

Resolved refuse(DropReason reason, std::optional<IcmpAnswer> answer = {}) noexcept {
    return std::unexpected{NotNow{Refusal{reason, answer}}};
}

// RFC 6146 §3.5.1.1: no transport address left, or no room for a binding: "SHOULD send an
// ICMPv6 Destination Unreachable error message with Code 3". RFC 6888 §3 REQ-4 leaves the
// answer to a limit open: CHOICE: code 1.
Resolved refuse_outbound(DropReason reason) noexcept {
    const bool full = reason == DropReason::PoolExhausted || reason == DropReason::SessionLimit;
    return refuse(reason, full ? kAddressUnreachable6 : kAdminProhibited6);
}

// CHOICE(RFC 6146 §3.5.1): "an ICMP error message with type 3 MAY be sent": UDP learns that
// nobody listens at that port, as from a host; a ping that nobody here is to be reached that
// way.
Resolved no_binding(L4Proto protocol) noexcept {
    switch (protocol) {
    case L4Proto::Tcp:
        return refuse(DropReason::TcpNotSyn); // §3.5.2.2, CLOSED: silently
    case L4Proto::Udp:
        return refuse(DropReason::NoBinding, kPortUnreachable4);
    case L4Proto::Icmp:
        return refuse(DropReason::NoBinding, kHostUnreachable4);
    }
    return refuse(DropReason::NoBinding);
}

} // namespace

UserspaceBackend::UserspaceBackend(const NaptSettings& settings, Counters& counters, Rng& rng)
    : state_{settings, counters, rng} {}

Capabilities UserspaceBackend::capabilities() const noexcept {
    return {.endpoint_independent_mapping = true,
            .filtering = true,
            .session_limits = true,
            .port_limits = true,
            .static_ports = true,
            .hairpinning = true,
            .lists_sessions = true};
}

// Three rounds over the batch, each asking memory for what the next one reads.
void UserspaceBackend::prepare(std::span<OutboundFlow> outbound,
                               std::span<InboundFlow> inbound) noexcept {
    const auto& bib = state_.bib;
    for (auto& flow : outbound) {
        flow.prepared = bib.hash(flow.protocol, flow.client6);
        bib.prefetch_client(flow.prepared);
    }
    for (auto& flow : inbound) {
        const auto address = state_.pool.index_of(flow.mapped4.address);
        flow.prepared = address ? *address + std::uint64_t{1} : 0;
        if (address) bib.prefetch_mapped(*address, flow.protocol, flow.mapped4.port);
    }
    for (auto& flow : outbound) {
        const auto slot = bib.candidate(flow.prepared);
        flow.prepared = slot + std::uint64_t{1};
        if (slot != kNone) bib.prefetch_slot(slot);
    }
    for (auto& flow : inbound) {
        if (flow.prepared == 0) continue;
        const auto slot = bib.find_mapped(static_cast<pool::AddressIndex>(flow.prepared - 1),
                                          flow.protocol,
                                          flow.mapped4.port);
        if (slot != kNone) bib.prefetch_slot(slot);
    }
}

// The candidate of prepare() is a hint: packets since may have made or ended bindings.
std::uint32_t UserspaceBackend::find(const OutboundFlow& flow) const noexcept {
    const auto& bib = state_.bib;
    const auto hint = static_cast<std::uint32_t>(flow.prepared - 1);
    if (hint < bib.capacity() && bib.is(hint, flow.protocol, flow.client6)) return hint;
    return bib.find_client(bib.hash(flow.protocol, flow.client6), flow.protocol, flow.client6);
}

std::optional<pool::AddressIndex>
UserspaceBackend::find(const InboundFlow& flow) const noexcept {
    const auto& pool = state_.pool;
    if (const auto hint = flow.prepared - 1; hint < pool.size()) {
        const auto address = static_cast<pool::AddressIndex>(hint);
        if (pool.address(address) == flow.mapped4.address) return address;
    }
    return pool.index_of(flow.mapped4.address);
}

// ---- sessions that are known ----

std::size_t UserspaceBackend::refresh_outbound(std::span<OutboundFlow> flows,
                                               Clock::time_point now) noexcept {
    const auto& bib = state_.bib;
    const auto tick = Tick::floor(now);
    std::size_t done = 0;
    for (auto& flow : flows) {
        const auto binding = static_cast<std::uint32_t>(flow.prepared - 1);
        if (binding >= bib.capacity() || !bib.is(binding, flow.protocol, flow.client6)) break;
        if (state_.pool.index_of(flow.server4.address)) break;
        auto* const session = state_.sessions.look_up(binding, flow.server4);
        if (session == nullptr || !State::refresh(*session, flow.tcp, flow.bytes, tick)) break;
        flow.mapped4 = state_.mapped4(bib[binding]);
        ++done;
    }
    return done;
}

std::size_t UserspaceBackend::refresh_inbound(std::span<InboundFlow> flows,
                                              Clock::time_point now) noexcept {
    const auto& bib = state_.bib;
    const auto tick = Tick::floor(now);
    std::size_t done = 0;
    for (auto& flow : flows) {
        if (flow.prepared == 0) break;
        const auto address = static_cast<pool::AddressIndex>(flow.prepared - 1);
        const auto binding = bib.find_mapped(address, flow.protocol, flow.mapped4.port);
        if (binding == kNone) break;
        auto* const session = state_.sessions.look_up(binding, flow.server4);
        if (session == nullptr || !State::refresh(*session, flow.tcp, flow.bytes, tick)) break;
        flow.client6 = &bib[binding].client6;
        ++done;
    }
    return done;
}

// ---- IPv6 to IPv4 ----

Resolved UserspaceBackend::resolve_outbound(const OutboundFlow& flow,
                                            Clock::time_point now) noexcept {
    const auto binding = find(flow);
    if (binding == kNone) return first_outbound(flow, now);
    const auto session = state_.sessions.find(binding, remote(flow.protocol, flow.server4));
    if (session == kNone) return new_session_outbound(binding, flow, now);
    state_.packet(session, Side::V6, flow.tcp, flow.bytes, now);
    return state_.resolved(binding);
}

Resolved UserspaceBackend::first_outbound(const OutboundFlow& flow,
                                          Clock::time_point now) noexcept {
    if (const auto no = forbids_outbound(flow.client6, flow.protocol, flow.server4))
        return refuse(*no, kAdminProhibited6);
    if (!begins(flow.protocol, flow.tcp)) {
        // RFC 6146 §3.5.2.2, CLOSED: silently, unless there is a binding, as a whole-host
        // static always is.
        const auto known = find_by_client(flow.protocol, flow.client6);
        return known ? Resolved{*known} : refuse(DropReason::TcpNotSyn);
    }
    Opening opening{remote(flow.protocol, flow.server4),
                    initial_state(flow.protocol, Side::V6)};
    std::optional<Endpoint4> claimed;
    if (flow.protocol == L4Proto::Tcp && !state_.whole_hosts.mapped_of(flow.client6.address)) {
        // RFC 6146 §3.5.2.2: the other end of a simultaneous open. The binding "MUST" be to
        // the transport address that the stored SYN was sent to; V4 INIT and a V6 SYN make
        // ESTABLISHED. A whole host cannot take it: no SYN to its own address is stored.
        claimed = state_.syns.find(flow.server4, [&](const Endpoint4& mapped4) {
            const auto address = state_.pool.index_of(mapped4.address);
            return address && !state_.pool.is_withheld(*address) &&
                   state_.bib.find_mapped(*address, flow.protocol, mapped4.port) == kNone;
        });
        if (claimed) claim(opening);
    }
    const auto session = state_.open(flow.protocol, flow.client6, claimed, opening, now);
    if (session && claimed) supersede(flow.server4, *claimed);
    return counted(session, Side::V6, flow.bytes);
}

Resolved UserspaceBackend::new_session_outbound(std::uint32_t binding,
                                                const OutboundFlow& flow,
                                                Clock::time_point now) noexcept {
    if (const auto no = forbids_outbound(flow.client6, flow.protocol, flow.server4))
        return refuse(*no, kAdminProhibited6);
    // A static entry stays where it is: answers would go to whoever has its address now.
    if (state_.pool.is_withheld(state_.bib[binding].address))
        return refuse_outbound(DropReason::PoolExhausted);
    // RFC 6146 §3.5.2.2, CLOSED: "the packet SHOULD be translated", and the state remains.
    if (!begins(flow.protocol, flow.tcp)) return state_.resolved(binding);
    Opening opening{remote(flow.protocol, flow.server4),
                    initial_state(flow.protocol, Side::V6)};
    std::optional<Endpoint4> claimed;
    if (flow.protocol == L4Proto::Tcp) {
        const auto mine = state_.mapped4(state_.bib[binding]);
        claimed = state_.syns.find(flow.server4,
                                   [&](const Endpoint4& mapped4) { return mapped4 == mine; });
        if (claimed) claim(opening);
    }
    const auto session = state_.open(binding, opening, now);
    if (session && claimed) supersede(flow.server4, *claimed);
    return counted(session, Side::V6, flow.bytes);
}

// Only now: a client that may open no session must not take the SYN away from its sender, who
// is owed an answer.
void UserspaceBackend::supersede(const Endpoint4& server4, const Endpoint4& mapped4) noexcept {
    state_.syns.forget(server4, mapped4);
    ++state_.superseded;
}

// ---- IPv4 to IPv6 ----

Resolved UserspaceBackend::resolve_inbound(const InboundFlow& flow,
                                           const PacketBuffer& packet,
                                           Clock::time_point now) noexcept {
    const auto address = find(flow);
    if (!address) return refuse(DropReason::NotInPool);
    const auto binding = state_.bib.find_mapped(*address, flow.protocol, flow.mapped4.port);
    if (binding == kNone) return first_inbound(flow, *address, packet, now);
    const auto session = state_.sessions.find(binding, remote(flow.protocol, flow.server4));
    if (session == kNone) return new_session_inbound(binding, flow, packet, now);
    state_.packet(session, Side::V4, flow.tcp, flow.bytes, now);
    return state_.resolved(binding);
}

Resolved UserspaceBackend::first_inbound(const InboundFlow& flow,
                                         pool::AddressIndex address,
                                         const PacketBuffer& packet,
                                         Clock::time_point now) noexcept {
    if (const auto host = state_.whole_hosts.client_of(flow.mapped4.address)) {
        const Endpoint6 client6{*host, flow.mapped4.port};
        const auto ruling = inbound_ruling(client6.address, flow.protocol, flow.server4);
        if (const auto no = ruling.refusal()) return refuse(*no, kAdminProhibited4);
        if (!begins(flow.protocol, flow.tcp)) return Binding{client6, flow.mapped4, {}};
        const auto session = state_.open(flow.protocol,
                                         client6,
                                         flow.mapped4,
                                         {remote(flow.protocol, flow.server4),
                                          initial_state(flow.protocol, Side::V4),
                                          Side::V4},
                                         now);
        return counted(session, Side::V4, flow.bytes);
    }
    if (!state_.pool.gives_out(address, flow.mapped4.port))
        return refuse(DropReason::NotInPool);
    if (flow.protocol == L4Proto::Tcp && begins(flow.protocol, flow.tcp))
        return store_syn(flow, packet, now);
    return no_binding(flow.protocol);
}

Resolved UserspaceBackend::new_session_inbound(std::uint32_t binding,
                                               const InboundFlow& flow,
                                               const PacketBuffer& packet,
                                               Clock::time_point now) noexcept {
    const bool first = begins(flow.protocol, flow.tcp);
    const auto ruling =
        inbound_ruling(state_.bib[binding].client6.address, flow.protocol, flow.server4);
    if (const auto no = ruling.refusal()) return refuse(*no, kAdminProhibited4);
    if (filters(binding, flow.server4.address)) {
        if (flow.protocol != L4Proto::Tcp)
            return refuse(DropReason::Filtered, kAdminProhibited4);
        return first ? store_syn(flow, packet, now) : refuse(DropReason::Filtered);
    }
    if (!first) return state_.resolved(binding);
    const auto session = state_.open(
        binding,
        {remote(flow.protocol, flow.server4), initial_state(flow.protocol, Side::V4), Side::V4},
        now);
    // RFC 5382 §4.3 REQ-4: it was stored, and what is repeated of it may pass by now.
    const auto is_this = [&](const Endpoint4& mapped4) { return mapped4 == flow.mapped4; };
    if (session && flow.protocol == L4Proto::Tcp && state_.syns.find(flow.server4, is_this))
        supersede(flow.server4, flow.mapped4);
    return counted(session, Side::V4, flow.bytes);
}

// RFC 6146 §3.5.1, §3.5.3: address-dependent filtering looks at the address, not the port.
// CHOICE(RFC 6146 §3.5.2.2): a SYN from an address that the client talks to passes as well.
// CHOICE(RFC 6146 §3.5): what the operator has configured as static is not filtered.
bool UserspaceBackend::filters(std::uint32_t binding, Ipv4Addr server4) const noexcept {
    return state_.settings.filtering == Filtering::AddressDependent &&
           !state_.bib[binding].has(BindingSlot::kStatic | BindingSlot::kWholeHost) &&
           !state_.sessions.knows(binding, server4);
}

// RFC 6146 §3.5.2.2, CLOSED: "the packet is stored"; §5.3: storage is bounded, and whoever
// comes when it is full gets at once the answer that he would get after TCP_INCOMING_SYN.
Resolved UserspaceBackend::store_syn(const InboundFlow& flow,
                                     const PacketBuffer& packet,
                                     Clock::time_point now) noexcept {
    switch (state_.syns.store(flow.server4, flow.mapped4, packet, Tick::floor(now))) {
    case rfc6146::SynStore::Outcome::Stored:
        return std::unexpected{NotNow{Held{}}};
    case rfc6146::SynStore::Outcome::Repeated:
        return refuse(DropReason::SynRepeated);
    case rfc6146::SynStore::Outcome::Full:
        return refuse(DropReason::SynStoreFull, kPortUnreachable4);
    }
    return refuse(DropReason::SynStoreFull);
}

// The answer to the packet that has opened a session, or has failed to. A limit is the
// client's own affair: it is told, the IPv4 side is not.
Resolved UserspaceBackend::counted(Created session, Side side, std::uint32_t bytes) noexcept {
    if (!session)
        return side == Side::V6 ? refuse_outbound(session.error()) : refuse(session.error());
    auto& s = state_.sessions[*session];
    ++s.packets;
    s.bytes += bytes;
    return state_.resolved(state_.sessions.binding_of(*session));
}

// ---- asking ----

// What is hairpinned goes from one client of ours to another, wherever the pool lies.
Ruling UserspaceBackend::unless_ours(const Ruling& ruling, Ipv4Addr server4) const noexcept {
    return ruling.basis == Basis::PrivateRange && owns(server4) ? Ruling{} : ruling;
}

Ruling UserspaceBackend::ruling_on(L4Proto protocol, const Endpoint4& server4) const noexcept {
    return unless_ours(policy().destination(protocol, server4), server4.address);
}

Ruling UserspaceBackend::inbound_ruling(const Ipv6Addr& client6,
                                        L4Proto protocol,
                                        const Endpoint4& server4) const noexcept {
    return unless_ours(policy().inbound(client6, protocol, server4), server4.address);
}

std::optional<DropReason> UserspaceBackend::forbids_outbound(
    const Endpoint6& client6, L4Proto protocol, const Endpoint4& server4) const noexcept {
    if (const auto no = policy().client(client6.address).refusal()) return no;
    return ruling_on(protocol, server4).refusal();
}

Outlook UserspaceBackend::foresee(const OutboundFlow& flow,
                                  Clock::time_point now) const noexcept {
    Outlook outlook{.ruling = ruling_on(flow.protocol, flow.server4)};
    if (flow.client6.address == Ipv6Addr{}) return outlook;
    if (const auto client = policy().client(flow.client6.address); client.refusal())
        outlook.ruling = client;
    outlook.binding = find_by_client(flow.protocol, flow.client6);
    outlook.use = state_.use_of(flow.client6.address);
    auto no = state_.would_refuse(
        flow.client6.address,
        {.port = !outlook.binding, .half_open = flow.protocol == L4Proto::Tcp},
        now);
    if (outlook.binding && !owns(outlook.binding->mapped4.address))
        no = DropReason::PoolExhausted; // withheld
    if (no) outlook.obstacle = refuse_outbound(*no).error();
    return outlook;
}

// As resolve_inbound() for a first packet.
Outlook UserspaceBackend::foresee(const InboundFlow& flow,
                                  Clock::time_point now) const noexcept {
    Outlook outlook;
    const auto address = state_.pool.index_of(flow.mapped4.address);
    const bool tcp = flow.protocol == L4Proto::Tcp;
    outlook.binding = find_by_mapped(flow.protocol, flow.mapped4);
    if (address && !owns(flow.mapped4.address)) {
        outlook.obstacle = refuse(DropReason::NotInPool).error(); // withheld
        return outlook;
    }
    if (!outlook.binding) {
        if (!address || !state_.pool.gives_out(*address, flow.mapped4.port))
            outlook.obstacle = refuse(DropReason::NotInPool).error();
        else
            outlook.obstacle = tcp ? NotNow{Held{}} : no_binding(flow.protocol).error();
        return outlook;
    }
    assert(address); // or it would have no binding
    const auto& client6 = outlook.binding->client6.address;
    outlook.use = state_.use_of(client6);
    if (flow.server4.address == Ipv4Addr{}) return outlook;
    outlook.ruling = inbound_ruling(client6, flow.protocol, flow.server4);
    const auto slot = state_.bib.find_mapped(*address, flow.protocol, flow.mapped4.port);
    const auto no = state_.would_refuse(client6, {.half_open = tcp, .inbound = true}, now);
    if (slot != kNone && filters(slot, flow.server4.address))
        outlook.obstacle =
            tcp ? NotNow{Held{}} : refuse(DropReason::Filtered, kAdminProhibited4).error();
    else if (no)
        outlook.obstacle = refuse(*no).error();
    return outlook;
}

std::optional<Binding>
UserspaceBackend::find_by_client(L4Proto protocol, const Endpoint6& client6) const noexcept {
    const auto slot =
        state_.bib.find_client(state_.bib.hash(protocol, client6), protocol, client6);
    if (slot != kNone) return state_.binding(slot);
    const auto host = state_.whole_hosts.mapped_of(client6.address);
    if (!host) return std::nullopt;
    return Binding{client6, {*host, client6.port}, {}};
}

std::optional<Binding>
UserspaceBackend::find_by_mapped(L4Proto protocol, const Endpoint4& mapped4) const noexcept {
    const auto address = state_.pool.index_of(mapped4.address);
    if (!address) return std::nullopt;
    const auto slot = state_.bib.find_mapped(*address, protocol, mapped4.port);
    if (slot != kNone) return state_.binding(slot);
    const auto host = state_.whole_hosts.client_of(mapped4.address);
    if (!host) return std::nullopt;
    return Binding{{*host, mapped4.port}, mapped4, {}};
}

bool UserspaceBackend::owns(Ipv4Addr address) const noexcept {
    const auto index = state_.pool.index_of(address);
    return index && !state_.pool.is_withheld(*index);
}

bool UserspaceBackend::owns(L4Proto protocol, const Endpoint4& mapped4) const noexcept {
    const auto address = state_.pool.index_of(mapped4.address);
    return address && (state_.pool.gives_out(*address, mapped4.port) ||
                       find_by_mapped(protocol, mapped4).has_value());
}

void UserspaceBackend::set_event_sink(EventSink* sink) noexcept {
    state_.sink = sink;
}

} // namespace nat64::userspace
