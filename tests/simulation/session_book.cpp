// SPDX-License-Identifier: Apache-2.0
#include "tests/simulation/session_book.hpp"

#include "tests/simulation/naive_tcp.hpp"

#include <algorithm>
#include <bit>
#include <chrono>
#include <vector>

namespace nat64::simulation {

namespace {

using rfc6146::Lifetime;
using rfc6146::SessionState;
using rfc6146::Side;
using enum rfc6146::SessionState;

/// RFC 6888 §3 REQ-8.
constexpr auto kHoldBack = std::chrono::seconds{120};

SessionKey by_client(L4Proto protocol, const Endpoint6& client6) {
    return {protocol, client6, {}};
}

SessionKey by_mapped(L4Proto protocol, const Endpoint4& mapped4) {
    return {protocol, {}, mapped4};
}

/// The identifier of a query belongs to its binding.
SessionKey normal(SessionKey key) {
    if (key.protocol == L4Proto::Icmp) key.server4.port = Port{};
    return key;
}

SessionKey key_of(const Event& event) {
    return normal({event.protocol, event.client6, event.server4});
}

/// What a session begins with: TCP partially open.
Lifetime lifetime_of(L4Proto protocol) {
    if (protocol == L4Proto::Udp) return Lifetime::Udp;
    if (protocol == L4Proto::Icmp) return Lifetime::Icmp;
    return Lifetime::TcpTransitory;
}

Clock::duration length_of(Lifetime lifetime, const Timeouts& timeouts) {
    switch (lifetime) {
    case Lifetime::Udp:
        return timeouts.udp;
    case Lifetime::Icmp:
        return timeouts.icmp;
    case Lifetime::TcpEstablished:
        return timeouts.tcp_established;
    case Lifetime::TcpTransitory:
        return timeouts.tcp_transitory;
    case Lifetime::TcpIncomingSyn:
        return timeouts.tcp_incoming_syn;
    }
    return {};
}

bool exceeds(std::uint32_t count, std::uint32_t limit) {
    return limit != 0 && count > limit;
}

std::size_t mixed(std::uint64_t so_far, std::uint64_t more) {
    return (std::rotl(so_far, 23) ^ more) * 0x9e37'79b9'7f4a'7c15;
}

std::size_t folded(std::uint64_t hash) {
    return static_cast<std::size_t>(hash ^ hash >> 32);
}

} // namespace

std::size_t KeyHash::operator()(const SessionKey& key) const noexcept {
    auto hash = mixed(static_cast<std::uint64_t>(key.protocol), key.client6.address.high());
    hash = mixed(hash, key.client6.address.low());
    hash =
        mixed(hash, std::uint64_t{key.server4.address.bits()} << 16 | key.server4.port.value());
    return folded(mixed(hash, key.client6.port.value()));
}

std::size_t KeyHash::operator()(const Ipv6Addr& address) const noexcept {
    return folded(mixed(address.high(), address.low()));
}

std::string text(const SessionKey& key) {
    return std::string{name_of(key.protocol)} + ' ' + key.client6.to_string() + " to " +
           key.server4.to_string();
}

/// Static entries for one transport address are there from the beginning, whole hosts come
/// and go with their traffic.
SessionBook::SessionBook(const InForce& in_force) : in_force_{in_force} {
    for (const auto& item : in_force_.napt.statics) {
        if (!item.protocol) continue;
        clients_[by_mapped(*item.protocol, item.mapped4)] = item.client6;
        bindings_[by_client(*item.protocol, item.client6)] = {item.mapped4, 0, true};
        ++use_of(item.client6.address).ports;
    }
}

SessionBook::Use& SessionBook::use_of(const Ipv6Addr& client6) {
    return uses_[client6.truncated(in_force_.napt.limits.client_prefix)];
}

void SessionBook::forget_unused(const Ipv6Addr& client6) {
    const auto& use = use_of(client6);
    if (use.own == 0 && use.inbound == 0 && use.ports == 0)
        uses_.erase(client6.truncated(in_force_.napt.limits.client_prefix));
}

// ---- what the backend says ----

void SessionBook::on_event(const Event& event) noexcept {
    switch (event.kind) {
    case EventKind::BindingCreated:
        return binding_created(event);
    case EventKind::BindingDeleted:
        return binding_deleted(event);
    case EventKind::SessionCreated:
        return session_created(event);
    case EventKind::SessionChanged:
        return session_changed(event);
    case EventKind::SessionDeleted:
        return session_deleted(event);
    }
}

void SessionBook::binding_created(const Event& event) {
    const auto mapped = by_mapped(event.protocol, event.mapped4);
    if (!clients_.emplace(mapped, event.client6).second)
        complain("two bindings share a transport address: " + text(mapped));
    const auto* entry = in_force_.static_of(event.protocol, event.client6);
    const bool port = entry == nullptr || entry->protocol.has_value();
    if (!bindings_
             .emplace(by_client(event.protocol, event.client6), Mapping{event.mapped4, 0, port})
             .second)
        complain("a client has two bindings: " + text(key_of(event)));
    if (port) ++use_of(event.client6.address).ports;
    if (event.reason != EventReason::Static && port) check_free(event);
}

/// An address that may be given out, and a port that nobody had a moment ago.
void SessionBook::check_free(const Event& event) {
    const auto mapped = by_mapped(event.protocol, event.mapped4);
    if (in_force_.withholds(event.mapped4.address))
        complain("given out although it is withheld: " + text(mapped));
    if (exceeds(use_of(event.client6.address).ports, in_force_.napt.limits.ports_per_client))
        complain("more than limits.ports_per_client: " + text(key_of(event)));
    // TCP may have it back at once (RFC 6888 §3 REQ-8 A).
    const auto freed = freed_.find(mapped);
    if (freed != freed_.end() && event.protocol != L4Proto::Tcp &&
        event.when - freed->second < kHoldBack - Tick::kLength)
        complain("a port is given out again at once: " + text(mapped));
}

void SessionBook::binding_deleted(const Event& event) {
    const auto binding = bindings_.find(by_client(event.protocol, event.client6));
    if (binding == bindings_.end() || binding->second.mapped4 != event.mapped4)
        return complain("a binding ends that there was not: " + text(key_of(event)));
    if (binding->second.sessions != 0)
        complain("a binding ends before its sessions: " + text(key_of(event)));
    const auto* entry = in_force_.static_of(event.protocol, event.client6);
    if (entry != nullptr && entry->protocol && entry->mapped4 == event.mapped4)
        complain("a static binding ends: " + text(key_of(event)));
    if (binding->second.port) --use_of(event.client6.address).ports;
    bindings_.erase(binding);
    clients_.erase(by_mapped(event.protocol, event.mapped4));
    freed_[by_mapped(event.protocol, event.mapped4)] = event.when;
    forget_unused(event.client6.address);
}

void SessionBook::session_created(const Event& event) {
    const auto key = key_of(event);
    const auto binding = bindings_.find(by_client(event.protocol, event.client6));
    if (binding == bindings_.end()) return complain("a session without binding: " + text(key));
    ++binding->second.sessions;
    const Known known{event.state,
                      event.state,
                      event.when,
                      lifetime_of(key.protocol),
                      key.protocol == L4Proto::Tcp};
    if (!sessions_.emplace(key, known).second)
        complain("a session begins a second time: " + text(key));
    most_sessions_ = std::max(most_sessions_, sessions_.size());
    check_begin(event);
}

void SessionBook::check_begin(const Event& event) {
    if (in_force_.rules.forbid(event.client6.address, event.server4.address))
        complain("begins although it is forbidden: " + text(key_of(event)));
    if (sessions_.size() > in_force_.napt.limits.sessions)
        complain("more sessions than limits.sessions");
}

/// Outsiders may open half as many sessions of a client as itself.
void SessionBook::opened(Known& known, const SessionKey& key, Side side) {
    const auto limit = in_force_.napt.limits.sessions_per_client;
    auto& use = use_of(key.client6.address);
    known.opener = side;
    ++(side == Side::V6 ? use.own : use.inbound);
    if (side == Side::V6 ? exceeds(use.own, limit) : exceeds(use.inbound, (limit + 1) / 2))
        complain("more than limits.sessions_per_client: " + text(key));
}

void SessionBook::session_changed(const Event& event) {
    const auto found = sessions_.find(key_of(event));
    if (found == sessions_.end())
        return complain("a session changes that there is not: " + text(key_of(event)));
    auto& known = found->second;
    known.told = event.state;
    if (event.reason != EventReason::Expired) return;
    // RFC 6146 §3.5.2.2: at the end of an established session it is probed, in TRANS.
    if (known.state != Established || known.partially_open || event.state != Trans)
        complain("it is no established session that is probed: " + text(found->first));
    ends_in_time(known, found->first, event.when);
    known.state = Trans;
    known.refreshed = event.when;
    known.lifetime = Lifetime::TcpTransitory;
}

void SessionBook::session_deleted(const Event& event) {
    const auto key = key_of(event);
    const auto found = sessions_.find(key);
    if (found == sessions_.end())
        return complain("a session ends that there was not: " + text(key));
    ends_rightly(found->second, event);
    auto& use = use_of(event.client6.address);
    if (const auto opener = found->second.opener)
        --(opener == Side::V6 ? use.own : use.inbound);
    sessions_.erase(found);
    const auto binding = bindings_.find(by_client(event.protocol, event.client6));
    if (binding == bindings_.end()) return complain("no binding of this session: " + text(key));
    --binding->second.sessions;
}

/// A session ends when its time is over, or for a reason that somebody has given.
void SessionBook::ends_rightly(const Known& known, const Event& event) {
    const auto key = key_of(event);
    const auto unless = [&](bool reason) {
        if (!reason) complain("ended without reason: " + text(key));
    };
    switch (event.reason) {
    case EventReason::Expired:
        if (known.state == Established && !known.partially_open)
            complain("an established session ends without a probe: " + text(key));
        return ends_in_time(known, key, event.when);
    case EventReason::Flushed:
        return unless(in_force_.flushing &&
                      in_force_.flushing->client->contains(event.client6.address));
    case EventReason::PoolChanged:
        return unless(in_force_.withholds(event.mapped4.address));
    case EventReason::Forbidden:
        return unless(in_force_.rules.forbid(event.client6.address, event.server4.address));
    case EventReason::Static:
        return unless(in_force_.static_of(event.protocol, event.client6) != nullptr ||
                      in_force_.static_at(event.protocol, event.mapped4) != nullptr);
    case EventReason::Traffic:
    case EventReason::Restored:
    case EventReason::Limit:
        return unless(false);
    }
}

/// After a reload a session may be overdue: then it ends now.
Clock::time_point SessionBook::due(const Known& known) const {
    return known.refreshed + length_of(known.lifetime, in_force_.napt.timeouts);
}

/// Never early, and at most one tick late.
void SessionBook::ends_in_time(const Known& known,
                               const SessionKey& key,
                               Clock::time_point when) {
    if (when < due(known)) complain("ended early: " + text(key));
    if (when > std::max(due(known), in_force_.since) + Tick::kLength)
        complain("ended late: " + text(key));
}

// ---- what the packets mean ----

void SessionBook::packet(SessionKey key, Side side, TcpFlags tcp, Clock::time_point now) {
    const auto found = sessions_.find(normal(key));
    if (found == sessions_.end()) return;
    auto& known = found->second;
    if (!known.opener) opened(known, key, side);
    if (key.protocol != L4Proto::Tcp) {
        known.refreshed = now;
        return;
    }
    const auto next = tcp_step(known.state, side, tcp);
    const bool before = known.partially_open;
    known.partially_open =
        partially_open_after(before, known.state, next, side == known.opener, tcp);
    known.state = next.to;
    const auto timer = timer_of(next, before, known.partially_open);
    if (timer != TcpStep::Kept) {
        known.refreshed = now;
        known.lifetime =
            timer == TcpStep::Established ? Lifetime::TcpEstablished : Lifetime::TcpTransitory;
    }
    if (known.told != known.state)
        complain("said to be " + std::string{name_of(known.told)} + ", should be " +
                 std::string{name_of(known.state)} + ": " + text(key));
}

bool SessionBook::lives(SessionKey key) const {
    return sessions_.contains(normal(key));
}

std::optional<Endpoint4> SessionBook::mapped(L4Proto protocol, const Endpoint6& client6) const {
    const auto found = bindings_.find(by_client(protocol, client6));
    if (found != bindings_.end()) return found->second.mapped4;
    const auto* entry = in_force_.static_of(protocol, client6);
    if (entry == nullptr || entry->protocol) return std::nullopt;
    return Endpoint4{entry->mapped4.address, client6.port};
}

std::optional<Endpoint6> SessionBook::client(L4Proto protocol, const Endpoint4& mapped4) const {
    const auto found = clients_.find(by_mapped(protocol, mapped4));
    if (found != clients_.end()) return found->second;
    const auto* entry = in_force_.static_at(protocol, mapped4);
    if (entry == nullptr || entry->protocol) return std::nullopt;
    return Endpoint6{entry->client6.address, mapped4.port};
}

// ---- everything at once ----

bool SessionBook::is_empty() const {
    const auto is_static = [&](const auto& binding) {
        return in_force_.static_of(binding.first.protocol, binding.first.client6) != nullptr;
    };
    return sessions_.empty() && std::ranges::all_of(bindings_, is_static);
}

std::string SessionBook::check(const NaptBackend& backend, Clock::time_point now) {
    erase_if(freed_, [&](const auto& freed) { return now - freed.second > kHoldBack; });
    if (auto bad = check_known(now); !bad.empty()) return bad;
    std::vector<SessionRow> rows;
    rows.reserve(4096);
    std::size_t seen = 0;
    for (std::optional<Cursor> cursor = 0; cursor; seen += rows.size()) {
        rows.clear();
        cursor = backend.snapshot(*cursor, Filter{}, Budget{}, now, rows);
        for (const auto& row : rows)
            if (auto bad = check_row(row, now); !bad.empty()) return bad;
    }
    return seen == sessions_.size() ? "" : "sessions are not listed";
}

std::string SessionBook::check_known(Clock::time_point now) const {
    for (const auto& [key, known] : sessions_) {
        if (now > std::max(due(known), in_force_.since) + Tick::kLength)
            return "outlives its lifetime: " + text(key);
        if (in_force_.rules.forbid(key.client6.address, key.server4.address))
            return "lives although it is forbidden: " + text(key);
    }
    for (const auto& [key, binding] : bindings_)
        if (in_force_.withholds(binding.mapped4.address) &&
            in_force_.static_of(key.protocol, key.client6) == nullptr)
            return "has an address that is withheld: " + text(key);
    for (const auto& item : in_force_.napt.statics) {
        if (!item.protocol) continue;
        const auto key = by_client(*item.protocol, item.client6);
        const auto found = bindings_.find(key);
        if (found == bindings_.end() || found->second.mapped4 != item.mapped4)
            return "a static entry is not there: " + text(key);
    }
    return {};
}

std::string SessionBook::check_row(const SessionRow& row, Clock::time_point now) const {
    const auto found = sessions_.find(normal({row.protocol, row.client6, row.server4}));
    if (found == sessions_.end()) return "unknown session of " + row.client6.to_string();
    const auto& known = found->second;
    const auto least = due(known) - now;
    const auto most = std::max(due(known), in_force_.since) + Tick::kLength - now;
    if (known.state != row.state || row.expires_in < least || row.expires_in > most)
        return "listed with another state or end: " + text(found->first);
    return {};
}

} // namespace nat64::simulation
