// SPDX-License-Identifier: Apache-2.0
#include "backends/userspace/state.hpp"

#include "core/clock.hpp"
#include "core/napt_settings.hpp"
#include "core/net/headers.hpp"
#include "core/net/transport.hpp"
#include "core/random.hpp"
#include "core/rfc6146/tcp_state.hpp"
#include "core/verdict.hpp"

#include <algorithm>
#include <cassert>
#include <cstddef>
#include <stdexcept>
#include <string>

namespace nat64::userspace {

namespace {

using rfc6146::Lifetime;

// Bindings beyond one a session: statics, and statics that a reload may add.
constexpr std::size_t kSpareBindings = 1024;
constexpr std::uint32_t kMaxSessions = 1U << 28;

std::uint32_t session_capacity(const NaptSettings& settings) {
    if (settings.limits.sessions == 0 || settings.limits.sessions > kMaxSessions)
        throw std::length_error{"limits.sessions: 1 to 268435456 sessions are possible"};
    return settings.limits.sessions;
}

std::size_t binding_capacity(const NaptSettings& settings) {
    return session_capacity(settings) + settings.statics.size() + kSpareBindings;
}

// DEVIATION(RFC 6146 §3.5.2.2): ADR-0036. Partially open, ESTABLISHED has TCP_TRANS as well.
Lifetime lifetime_of(L4Proto protocol, const Session& s) noexcept {
    switch (protocol) {
    case L4Proto::Tcp:
        return s.partially_open ? Lifetime::TcpTransitory : rfc6146::tcp_lifetime(s.state);
    case L4Proto::Udp:
        return Lifetime::Udp;
    case L4Proto::Icmp:
        return Lifetime::Icmp;
    }
    return Lifetime::Udp;
}

constexpr bool half_open(SessionState state) noexcept {
    return state == SessionState::V4Init || state == SessionState::V6Init;
}

// RFC 5382 §5: a connection is partially open "until both endpoints have sent a packet with the
// ACK flag set". The answer to a SYN has it: what is left to see is the opener's. A SYN that
// brings a session back from TRANS may be the repeated answer of a server that has refused a
// forged acknowledgement.
constexpr bool
stays_partially_open(const Session& s, Side side, TcpFlags tcp, SessionState next) noexcept {
    if (half_open(next)) return true;
    if (s.state == SessionState::Trans && next != SessionState::Trans && tcp.syn()) return true;
    const bool acknowledges = (tcp.bits & TcpFlags::kAck) != 0 && !tcp.rst();
    return s.partially_open && !(side == s.opener && acknowledges);
}

constexpr std::size_t index(L4Proto protocol) noexcept {
    return static_cast<std::size_t>(protocol);
}

} // namespace

State::State(const NaptSettings& settings_, Counters& counters_, Rng& rng)
    : settings{settings_},
      counters{counters_},
      lifetimes{settings_.timeouts},
      whole_hosts{settings_.statics},
      pool{settings_, rng},
      clients{binding_capacity(settings_), settings_.limits.client_prefix, rng},
      bib{binding_capacity(settings_), pool.size(), rng},
      sessions{bib, session_capacity(settings_), rng},
      timers{bib.capacity() + sessions.capacity()},
      clients_at(pool.size()) {
    std::ranges::sort(settings.statics);
    for (const auto& item : settings.statics) {
        if (!may_be_client(item.client6.address))
            throw std::invalid_argument{"static: " + item.client6.address.to_string() +
                                        " cannot be behind this translator"};
        if (!item.protocol) continue;
        if (const auto conflict = add_static(item, {}))
            throw std::invalid_argument{"static: " + item.mapped4.to_string() + ": " +
                                        std::string{*conflict}};
    }
}

// ---- coming into being ----

// Restored sessions were admitted once already, and would come in one burst.
std::optional<DropReason> State::admit(std::uint32_t owner,
                                       const Opening& opening,
                                       pool::Demand demand,
                                       Clock::time_point now) noexcept {
    if (sessions.size() >= sessions.capacity()) return DropReason::SessionLimit;
    if (opening.reason == EventReason::Restored) return std::nullopt;
    demand.half_open = half_open(opening.state);
    demand.inbound = opening.opener == Side::V4;
    return pool::charge(clients[owner], totals, settings.limits, demand, Tick::floor(now));
}

// Asks of copies what admit() asks of the client and of all.
std::optional<DropReason> State::would_refuse(const Ipv6Addr& client6,
                                              pool::Demand demand,
                                              Clock::time_point now) const noexcept {
    if (sessions.size() >= sessions.capacity()) return DropReason::SessionLimit;
    const auto owner = clients.find(client6);
    auto client = owner != kNone ? clients[owner] : pool::Client{};
    auto all = totals;
    if (whole_hosts.mapped_of(client6)) demand.port = false;
    return pool::charge(client, all, settings.limits, demand, Tick::floor(now));
}

ClientUse State::use_of(const Ipv6Addr& client6) const noexcept {
    const auto owner = clients.find(client6);
    if (owner == kNone) return {};
    const auto& client = clients[owner];
    return {.sessions = client.own.sessions,
            .ports = client.ports,
            .half_open = client.own.half_open};
}

Created State::open(L4Proto protocol,
                    const Endpoint6& client6,
                    const std::optional<Endpoint4>& mapped4,
                    const Opening& opening,
                    Clock::time_point now) noexcept {
    const auto owner_hash = clients.hash(client6.address);
    const auto owner =
        clients.obtain(client6.address, owner_hash, settings.limits, Tick::floor(now));
    if (owner == kNone) return std::unexpected{DropReason::SessionLimit};

    const bool uses_port = !whole_hosts.mapped_of(client6.address);
    const auto refused = admit(owner, opening, {.port = uses_port}, now);
    const auto slot = refused ? Created{std::unexpected{*refused}}
                              : place(protocol, client6, mapped4, owner, owner_hash, now);
    if (!slot) {
        leave(owner);
        return slot;
    }
    emit_binding(EventKind::BindingCreated, opening.reason, *slot, now);
    const auto session = sessions.insert(*slot, opening.server4);
    begin(session, *slot, opening, now);
    return *slot;
}

// Where the binding goes: what a whole-host static says, where the caller wants it, or where
// the pool has room.
Created State::place(L4Proto protocol,
                     const Endpoint6& client6,
                     const std::optional<Endpoint4>& mapped4,
                     std::uint32_t owner,
                     std::uint64_t owner_hash,
                     Clock::time_point now) noexcept {
    const auto host = whole_hosts.mapped_of(client6.address);
    const auto spot = host      ? lease_exactly(protocol, {*host, client6.port})
                      : mapped4 ? lease_exactly(protocol, *mapped4)
                                : lease(protocol, client6.port, owner, owner_hash, now);
    if (!spot) return std::unexpected{DropReason::PoolExhausted};
    const auto slot =
        bib.insert(bib.hash(protocol, client6), protocol, client6, spot->address, spot->port);
    if (slot == kNone) {
        pool.release(spot->address, protocol, spot->port, Tick::floor(now));
        return std::unexpected{DropReason::SessionLimit};
    }
    auto& binding = bib[slot];
    binding.owner = owner;
    auto& client = clients[owner];
    ++client.bindings;
    if (host)
        binding.flags |= BindingSlot::kWholeHost;
    else
        ++client.ports;
    counters.bindings_created[index(protocol)].add();
    return slot;
}

std::optional<pool::AddressPool::Lease> State::lease(L4Proto protocol,
                                                     Port client,
                                                     std::uint32_t owner,
                                                     std::uint64_t owner_hash,
                                                     Clock::time_point now) noexcept {
    auto& record = clients[owner];
    if (!record.has_home || pool.is_withheld(record.home)) {
        const auto home = pool.home(owner_hash);
        if (!home) return std::nullopt;
        if (record.has_home) --clients_at[record.home];
        record.home = *home;
        record.has_home = true;
        ++clients_at[*home];
    }
    const auto leased = pool.allocate(protocol, client, record.home, Tick::floor(now));
    // The next one is likely to come soon, and its place is known already.
    bib.prefetch_mapped(record.home, protocol, pool.prefetch_allocate(record.home, protocol));
    return leased;
}

std::optional<pool::AddressPool::Lease>
State::lease_exactly(L4Proto protocol, const Endpoint4& mapped4) noexcept {
    const auto address = pool.index_of(mapped4.address);
    if (!address || pool.is_withheld(*address) || !pool.take(*address, protocol, mapped4.port))
        return std::nullopt;
    return pool::AddressPool::Lease{*address, mapped4.port};
}

Created
State::open(std::uint32_t binding, const Opening& opening, Clock::time_point now) noexcept {
    const auto refused = admit(bib[binding].owner, opening, {}, now);
    if (refused) return std::unexpected{*refused};
    const auto session = sessions.insert(binding, opening.server4);
    if (session == kNone) return std::unexpected{DropReason::SessionLimit};
    begin(session, binding, opening, now);
    return session;
}

void State::begin(std::uint32_t session,
                  std::uint32_t binding,
                  const Opening& opening,
                  Clock::time_point now) noexcept {
    const auto& b = bib[binding];
    auto& s = sessions[session];
    s.state = opening.state;
    s.opener = opening.opener;
    s.half_open = false;
    s.partially_open = half_open(opening.state) || opening.partially_open;
    s.lifetime = lifetime_of(b.protocol, s);
    s.refreshed = Tick::floor(now);
    ++account(session).sessions;
    if (half_open(opening.state)) begin_half_open(session);
    counters.sessions_created[index(b.protocol)].add();
    link(session);
    emit_session(EventKind::SessionCreated, opening.reason, session, now);
}

std::optional<std::string_view> State::add_static(const StaticItem& item,
                                                  Clock::time_point now) noexcept {
    const auto address = pool.index_of(item.mapped4.address);
    if (!address) return "its address is reserved or new";
    assert(item.protocol); // without one it is a whole host
    const auto protocol = *item.protocol;
    const auto hash = bib.hash(protocol, item.client6);
    const auto of_client = bib.find_client(hash, protocol, item.client6);
    const auto of_mapped = bib.find_mapped(*address, protocol, item.mapped4.port);
    if (of_client != of_mapped)
        for (const auto slot : {of_client, of_mapped})
            if (slot != kNone && bib[slot].has(BindingSlot::kStatic))
                return "another static entry has one of its transport addresses";
    superseded += syns.purge(item.mapped4);
    if (of_client != kNone && of_client == of_mapped) {
        bib[of_client].flags |= BindingSlot::kStatic;
        return std::nullopt;
    }
    if (of_client != kNone) close_binding(of_client, EventReason::Static, now);
    if (of_mapped != kNone) close_binding(of_mapped, EventReason::Static, now);

    const auto owner_hash = clients.hash(item.client6.address);
    const auto owner =
        clients.obtain(item.client6.address, owner_hash, settings.limits, Tick::floor(now));
    if (owner == kNone) return "there is no room for it";
    if (!pool.take(*address, protocol, item.mapped4.port)) {
        leave(owner);
        return "its port is in use";
    }
    const auto slot = bib.insert(hash, protocol, item.client6, *address, item.mapped4.port);
    if (slot == kNone) {
        pool.release(*address, protocol, item.mapped4.port, Tick::floor(now));
        leave(owner);
        return "there is no room for it";
    }
    bib[slot].owner = owner;
    bib[slot].flags |= BindingSlot::kStatic;
    ++clients[owner].bindings;
    ++clients[owner].ports;
    counters.bindings_created[index(protocol)].add();
    emit_binding(EventKind::BindingCreated, EventReason::Static, slot, now);
    return std::nullopt;
}

// ---- living ----

void State::packet(std::uint32_t session,
                   Side side,
                   TcpFlags tcp,
                   std::uint32_t bytes,
                   Clock::time_point now) noexcept {
    auto& s = sessions[session];
    if (refresh(s, tcp, bytes, Tick::floor(now))) return;
    ++s.packets;
    s.bytes += bytes;
    const auto before = s.state;
    follow(session, side, tcp, now);
    if (s.state == before && half_open(before)) half_open_packet(session, side, tcp);
}

// What acknowledges may be the FIN, which of itself leaves the lifetime as it is: that of a
// connection that is open begins here all the same, but not after the other end's FIN.
void State::follow(std::uint32_t session,
                   Side side,
                   TcpFlags tcp,
                   Clock::time_point now) noexcept {
    auto& s = sessions[session];
    auto to = rfc6146::tcp_transition(s.state, side, tcp);
    const bool before = s.partially_open;
    s.partially_open = stays_partially_open(s, side, tcp, to.next);
    if (before && !s.partially_open && to.next != SessionState::V4FinV6FinRcv)
        to.refresh = true;
    if (to.next != s.state)
        change(session, to, EventReason::Traffic, now);
    else if (to.refresh)
        renew(session, now);
}

// A connection that was refused is not half-open, although RFC 6146 §3.5.2.2 keeps its state
// and its timer: a client that tries hosts which refuse it would use up its limit. Whoever
// tries again is waiting for an answer again.
void State::half_open_packet(std::uint32_t session, Side side, TcpFlags tcp) noexcept {
    const bool from_opener = side == sessions[session].opener;
    if (tcp.rst() && !from_opener) end_half_open(session);
    if (tcp.syn() && !tcp.rst() && from_opener) begin_half_open(session);
}

void State::change(std::uint32_t session,
                   rfc6146::Transition to,
                   EventReason reason,
                   Clock::time_point now) noexcept {
    auto& s = sessions[session];
    s.state = to.next;
    if (half_open(to.next))
        begin_half_open(session); // the connection that was closed is opened again
    else
        end_half_open(session);
    if (to.refresh) renew(session, now);
    emit_session(EventKind::SessionChanged, reason, session, now);
}

// The lifetime of its TCP state begins.
void State::renew(std::uint32_t session, Clock::time_point now) noexcept {
    auto& s = sessions[session];
    const auto before = lifetimes.ticks(s.lifetime);
    s.lifetime = lifetime_of(L4Proto::Tcp, s);
    s.refreshed = Tick::floor(now);
    // A timer that is too early finds out when it fires; one that is too late would not.
    if (lifetimes.ticks(s.lifetime) < before) link(session);
}

// What is counted for this session's client: its own sessions, or those opened from outside.
pool::Opened& State::account(std::uint32_t session) noexcept {
    auto& client = clients[bib[sessions.binding_of(session)].owner];
    return sessions[session].opener == Side::V6 ? client.own : client.inbound;
}

std::uint32_t& State::all_half_open(std::uint32_t session) noexcept {
    return sessions[session].opener == Side::V6 ? totals.half_open : totals.inbound_half_open;
}

void State::begin_half_open(std::uint32_t session) noexcept {
    auto& s = sessions[session];
    if (s.half_open) return;
    s.half_open = true;
    ++account(session).half_open;
    ++all_half_open(session);
}

void State::end_half_open(std::uint32_t session) noexcept {
    auto& s = sessions[session];
    if (!s.half_open) return;
    s.half_open = false;
    --account(session).half_open;
    --all_half_open(session);
}

void State::link(std::uint32_t session) noexcept {
    const auto& s = sessions[session];
    timers.unlink(session);
    timers.link(session, lifetimes.deadline(s.refreshed, s.lifetime));
}

// ---- going ----

void State::prefetch_close(std::uint32_t session) const noexcept {
    if (!sessions.exists(session)) return;
    const auto& b = bib[sessions.binding_of(session)];
    bib.prefetch_client(bib.hash(b.protocol, b.client6));
    bib.prefetch_mapped(b.address, b.protocol, b.mapped_port);
    clients.prefetch_record(b.owner);
    pool.prefetch_release(b.address, b.protocol, b.mapped_port);
}

void State::close(std::uint32_t session, EventReason reason, Clock::time_point now) noexcept {
    const auto binding = sessions.binding_of(session);
    end(session, reason, now);
    close_if_idle(binding, reason, now);
}

void State::close_if_idle(std::uint32_t binding,
                          EventReason reason,
                          Clock::time_point now) noexcept {
    if (sessions.any_of(binding) == kNone && !bib[binding].has(BindingSlot::kStatic))
        end_binding(binding, reason, now);
}

void State::close_binding(std::uint32_t binding,
                          EventReason reason,
                          Clock::time_point now) noexcept {
    for (auto s = sessions.any_of(binding); s != kNone; s = sessions.any_of(binding))
        end(s, reason, now);
    end_binding(binding, reason, now);
}

void State::end(std::uint32_t session, EventReason reason, Clock::time_point now) noexcept {
    emit_session(EventKind::SessionDeleted, reason, session, now);
    end_half_open(session);
    --account(session).sessions;
    const auto& b = bib[sessions.binding_of(session)];
    counters.sessions_deleted[index(b.protocol)].add();
    timers.unlink(session);
    sessions.erase(session);
}

void State::end_binding(std::uint32_t binding,
                        EventReason reason,
                        Clock::time_point now) noexcept {
    emit_binding(EventKind::BindingDeleted, reason, binding, now);
    const auto& b = bib[binding];
    auto& client = clients[b.owner];
    --client.bindings;
    if (!b.has(BindingSlot::kWholeHost)) --client.ports;
    pool.release(b.address, b.protocol, b.mapped_port, Tick::floor(now));
    counters.bindings_deleted[index(b.protocol)].add();
    const auto owner = b.owner;
    bib.erase(binding);
    leave(owner);
}

// A client without bindings is forgotten, and with it that it had a home.
void State::leave(std::uint32_t owner) noexcept {
    const auto& client = clients[owner];
    if (client.bindings != 0) return;
    if (client.has_home) --clients_at[client.home];
    clients.drop_if_idle(owner);
}

// ---- telling ----

void State::emit_binding(EventKind kind,
                         EventReason reason,
                         std::uint32_t binding,
                         Clock::time_point now) noexcept {
    if (sink == nullptr) return;
    const auto& b = bib[binding];
    Event event;
    event.kind = kind;
    event.reason = reason;
    event.protocol = b.protocol;
    event.when = now;
    event.client6 = b.client6;
    event.mapped4 = mapped4(b);
    event.handle = {binding, b.generation};
    sink->on_event(event);
}

void State::emit_session(EventKind kind,
                         EventReason reason,
                         std::uint32_t session,
                         Clock::time_point now) noexcept {
    if (sink == nullptr) return;
    const auto& b = bib[sessions.binding_of(session)];
    const auto& s = sessions[session];
    Event event;
    event.kind = kind;
    event.reason = reason;
    event.protocol = b.protocol;
    event.state = s.state;
    event.when = now;
    event.client6 = b.client6;
    event.mapped4 = mapped4(b);
    event.server4 = server4(b, s);
    event.handle = {session, sessions.generation(session)};
    sink->on_event(event);
}

} // namespace nat64::userspace
