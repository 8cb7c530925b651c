// SPDX-License-Identifier: Apache-2.0
#include "tests/simulation/session_book.hpp"

#include <algorithm>
#include <bit>
#include <chrono>
#include <vector>

namespace nat64::simulation {

namespace {

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

Clock::duration lifetime_of(L4Proto protocol, SessionState state, const Timeouts& timeouts) {
    if (protocol == L4Proto::Udp) return timeouts.udp;
    if (protocol == L4Proto::Icmp) return timeouts.icmp;
    return state == Established ? timeouts.tcp_established : timeouts.tcp_transitory;
}

struct Step {
    SessionState to;

    enum Lifetime : std::uint8_t { Kept, TcpEst, TcpTrans } lifetime;
};

/// RFC 6146 §3.5.2.2, paragraph by paragraph. RST first, FIN before SYN (docs/rfc-map.md).
Step step(SessionState from, Side side, TcpFlags tcp) {
    const bool v6 = side == Side::V6;
    const bool fin = tcp.fin() && !tcp.rst();
    const bool syn = tcp.syn() && !tcp.fin() && !tcp.rst();
    switch (from) {
    case V4Init:
        if (syn && v6) return {Established, Step::TcpEst};
        return {V4Init, Step::Kept};
    case V6Init:
        if (syn && !v6) return {Established, Step::TcpEst};
        if (syn && v6) return {V6Init, Step::TcpTrans};
        return {V6Init, Step::Kept};
    case Established:
        if (tcp.rst()) return {Trans, Step::TcpTrans};
        if (fin) return {v6 ? V6FinRcv : V4FinRcv, Step::Kept};
        return {Established, Step::TcpEst};
    case V4FinRcv:
    case V6FinRcv:
        if (tcp.rst()) return {Trans, Step::TcpTrans};
        if (fin && v6 == (from == V4FinRcv)) return {V4FinV6FinRcv, Step::TcpTrans};
        return {from, Step::TcpEst};
    case V4FinV6FinRcv:
        return {V4FinV6FinRcv, Step::Kept};
    case Trans:
        if (tcp.rst()) return {Trans, Step::Kept};
        return {Established, Step::TcpEst};
    case Active:
        break;
    }
    return {from, Step::Kept};
}

} // namespace

std::size_t KeyHash::operator()(const SessionKey& key) const noexcept {
    const auto mix = [](std::uint64_t so_far, std::uint64_t more) {
        return (std::rotl(so_far, 23) ^ more) * 0x9e37'79b9'7f4a'7c15;
    };
    auto hash = mix(static_cast<std::uint64_t>(key.protocol), key.client6.address.high());
    hash = mix(hash, key.client6.address.low());
    hash =
        mix(hash, std::uint64_t{key.server4.address.bits()} << 16 | key.server4.port.value());
    hash = mix(hash, key.client6.port.value());
    return static_cast<std::size_t>(hash ^ hash >> 32);
}

std::string text(const SessionKey& key) {
    return std::string{name_of(key.protocol)} + ' ' + key.client6.to_string() + " to " +
           key.server4.to_string();
}

void SessionBook::complain(const std::string& what) {
    if (complaint_.empty()) complaint_ = what;
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
    if (!bindings_.emplace(by_client(event.protocol, event.client6), Mapping{event.mapped4, 0})
             .second)
        complain("a client has two bindings: " + text(key_of(event)));
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
    bindings_.erase(binding);
    clients_.erase(by_mapped(event.protocol, event.mapped4));
    freed_[by_mapped(event.protocol, event.mapped4)] = event.when;
}

void SessionBook::session_created(const Event& event) {
    const auto key = key_of(event);
    const auto binding = bindings_.find(by_client(event.protocol, event.client6));
    if (binding == bindings_.end()) return complain("a session without binding: " + text(key));
    ++binding->second.sessions;
    const Known known{event.state,
                      event.state,
                      event.when,
                      lifetime_of(key.protocol, event.state, settings_.timeouts),
                      event.state == V4Init};
    if (!sessions_.emplace(key, known).second)
        complain("a session begins a second time: " + text(key));
    most_sessions_ = std::max(most_sessions_, sessions_.size());
}

void SessionBook::session_changed(const Event& event) {
    const auto found = sessions_.find(key_of(event));
    if (found == sessions_.end())
        return complain("a session changes that there is not: " + text(key_of(event)));
    auto& known = found->second;
    known.told = event.state;
    if (event.reason != EventReason::Expired) return;
    // RFC 6146 §3.5.2.2: at the end of an established session it is probed, in TRANS.
    if (known.state != Established || event.state != Trans)
        complain("it is no established session that is probed: " + text(found->first));
    ends_in_time(known, found->first, event.when);
    known.state = Trans;
    known.refreshed = event.when;
    known.lifetime = settings_.timeouts.tcp_transitory;
}

void SessionBook::session_deleted(const Event& event) {
    const auto key = key_of(event);
    const auto found = sessions_.find(key);
    if (found == sessions_.end())
        return complain("a session ends that there was not: " + text(key));
    if (found->second.state == Established)
        complain("an established session ends without a probe: " + text(key));
    ends_in_time(found->second, key, event.when);
    sessions_.erase(found);
    const auto binding = bindings_.find(by_client(event.protocol, event.client6));
    if (binding == bindings_.end()) return complain("no binding of this session: " + text(key));
    --binding->second.sessions;
}

/// Never early, and at most one tick late.
void SessionBook::ends_in_time(const Known& known,
                               const SessionKey& key,
                               Clock::time_point when) {
    const auto due = known.refreshed + known.lifetime;
    if (when < due) complain("ended early: " + text(key));
    if (when > due + Tick::kLength) complain("ended late: " + text(key));
}

// ---- what the packets mean ----

void SessionBook::packet(SessionKey key, Side side, TcpFlags tcp, Clock::time_point now) {
    const auto found = sessions_.find(normal(key));
    if (found == sessions_.end()) return;
    auto& known = found->second;
    if (key.protocol != L4Proto::Tcp) {
        known.refreshed = now;
        return;
    }
    const auto next = step(known.state, side, tcp);
    known.state = next.to;
    if (next.lifetime != Step::Kept) {
        known.refreshed = now;
        known.lifetime = next.lifetime == Step::TcpEst ? settings_.timeouts.tcp_established
                                                       : settings_.timeouts.tcp_transitory;
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
    if (found == bindings_.end()) return std::nullopt;
    return found->second.mapped4;
}

std::optional<Endpoint6> SessionBook::client(L4Proto protocol, const Endpoint4& mapped4) const {
    const auto found = clients_.find(by_mapped(protocol, mapped4));
    if (found == clients_.end()) return std::nullopt;
    return found->second;
}

// ---- everything at once ----

std::string SessionBook::check(const NaptBackend& backend, Clock::time_point now) {
    std::erase_if(freed_, [&](const auto& freed) { return now - freed.second > kHoldBack; });
    for (const auto& [key, known] : sessions_)
        if (now > known.refreshed + known.lifetime + Tick::kLength)
            return "outlives its lifetime: " + text(key);
    if (auto bad = check_limits(); !bad.empty()) return bad;

    std::vector<SessionRow> rows;
    rows.reserve(4096);
    std::size_t seen = 0;
    for (std::optional<Cursor> cursor = 0; cursor; seen += rows.size()) {
        rows.clear();
        cursor = backend.snapshot(*cursor, Filter{}, Budget{}, now, rows);
        for (const auto& row : rows) {
            const auto found = sessions_.find(normal({row.protocol, row.client6, row.server4}));
            if (found == sessions_.end())
                return "unknown session of " + row.client6.to_string();
            const auto& known = found->second;
            const auto left = known.refreshed + known.lifetime - now;
            if (known.state != row.state || row.expires_in < left ||
                row.expires_in > left + Tick::kLength)
                return "listed with another state or end: " + text(found->first);
        }
    }
    return seen == sessions_.size() ? "" : "sessions are not listed";
}

std::string SessionBook::check_limits() const {
    const auto& limits = settings_.limits;
    if (sessions_.size() > limits.sessions) return "more sessions than limits.sessions";
    std::map<std::pair<Ipv6Addr, bool>, std::uint32_t> count;
    for (const auto& [key, known] : sessions_)
        ++count[{key.client6.address.truncated(limits.client_prefix), known.inbound}];
    for (const auto& [who, sessions] : count)
        if (limits.sessions_per_client != 0 && sessions > limits.sessions_per_client)
            return "more than limits.sessions_per_client: " + who.first.to_string();
    std::map<Ipv6Addr, std::uint32_t> ports;
    for (const auto& [key, mapping] : bindings_)
        ++ports[key.client6.address.truncated(limits.client_prefix)];
    for (const auto& [who, used] : ports)
        if (limits.ports_per_client != 0 && used > limits.ports_per_client)
            return "more than limits.ports_per_client: " + who.to_string();
    return "";
}

} // namespace nat64::simulation
