// SPDX-License-Identifier: Apache-2.0
// Everything the userspace backend remembers, and the few operations that change it: a binding
// or session comes into being, changes state, or goes. Each of them keeps tables, ports,
// client records, timers, counters and the event stream in step, so the callers (which know
// the rules of RFC 6146) cannot forget one. Whether a packet may do any of this is decided in
// userspace_backend.cpp.
//
// Single-threaded: the packet thread's.
#pragma once

#include "core/counters.hpp"
#include "core/napt_backend.hpp"
#include "core/pool/address_pool.hpp"
#include "core/pool/client_table.hpp"
#include "core/pool/whole_hosts.hpp"
#include "core/rfc6146/bib.hpp"
#include "core/rfc6146/lifetimes.hpp"
#include "core/rfc6146/session_table.hpp"
#include "core/rfc6146/syn_store.hpp"
#include "core/rfc6146/tuple.hpp"
#include "core/tables/timer_ring.hpp"

#include <cstdint>
#include <expected>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

namespace nat64::userspace {

using rfc6146::BindingSlot;
using rfc6146::kNone;
using rfc6146::Session;
using rfc6146::SessionState;
using rfc6146::Side;

/// Number of a binding or of a session, or why there is none.
using Created = std::expected<std::uint32_t, DropReason>;

/// What a new session begins with.
struct Opening {
    Endpoint4 server4; ///< as remote() returns it
    SessionState state = SessionState::Active;
    Side opener = Side::V6; ///< to whose account it goes
    EventReason reason = EventReason::Traffic;
    bool partially_open = false; ///< TCP: so, although it is neither V4 INIT nor V6 INIT
};

/// The remote end as the session table knows it: the identifier of an ICMP query is the
/// binding's, not the session's.
[[nodiscard]] constexpr Endpoint4 remote(L4Proto protocol, const Endpoint4& server4) noexcept {
    return protocol == L4Proto::Icmp ? Endpoint4{server4.address, Port{}} : server4;
}

class State {
public:
    /// Throws std::invalid_argument if two statics contradict each other, std::length_error if
    /// something is too large.
    State(const NaptSettings& settings, Counters& counters, Rng& rng);

    // ---- bindings and sessions ----

    /// A binding for a client that has none, with its first session. `mapped4` is nullopt for
    /// a port of the pool's choice.
    [[nodiscard]] Created open(L4Proto protocol,
                               const Endpoint6& client6,
                               const std::optional<Endpoint4>& mapped4,
                               const Opening& opening,
                               Clock::time_point now) noexcept;

    /// One more session of an existing binding.
    [[nodiscard]] Created
    open(std::uint32_t binding, const Opening& opening, Clock::time_point now) noexcept;

    /// The part of RFC 6146 §3.5 that concerns a packet of an existing session, if it is no
    /// more than counting it and refreshing the lifetime; false, and nothing done, if packet()
    /// must be called.
    [[nodiscard]] static bool
    refresh(Session& session, TcpFlags tcp, std::uint32_t bytes, Tick now) noexcept {
        if (!rfc6146::only_refreshes(session.state, tcp) || session.partially_open)
            return false;
        ++session.packets;
        session.bytes += bytes;
        session.refreshed = now;
        return true;
    }

    /// All of it.
    void packet(std::uint32_t session,
                Side side,
                TcpFlags tcp,
                std::uint32_t bytes,
                Clock::time_point now) noexcept;

    /// The part of packet() that concerns state and lifetime of a TCP session.
    void follow(std::uint32_t session, Side side, TcpFlags tcp, Clock::time_point now) noexcept;

    /// A transition of RFC 6146 §3.5.2.2 that changes the state.
    void change(std::uint32_t session,
                rfc6146::Transition to,
                EventReason reason,
                Clock::time_point now) noexcept;

    /// Ends a session, and its binding if that was its last one and it is not static.
    void close(std::uint32_t session, EventReason reason, Clock::time_point now) noexcept;

    /// Ends a binding with all its sessions, a static one too.
    void
    close_binding(std::uint32_t binding, EventReason reason, Clock::time_point now) noexcept;

    /// Ends a binding that has no reason to be left.
    void
    close_if_idle(std::uint32_t binding, EventReason reason, Clock::time_point now) noexcept;

    /// May this host have a binding? What is sent to one inside the prefix would come back.
    [[nodiscard]] bool may_be_client(const Ipv6Addr& client6) const noexcept {
        return rfc6146::may_be_client6(client6, {settings.prefix});
    }

    /// Makes a static binding, or an existing one like it static. Returns what stands against
    /// it.
    [[nodiscard]] std::optional<std::string_view> add_static(const StaticItem& item,
                                                             Clock::time_point now) noexcept;

    /// Sets the session's timer to its deadline.
    void link(std::uint32_t session) noexcept;

    /// Asks memory for what close() of this session will touch.
    void prefetch_close(std::uint32_t session) const noexcept;

    /// Why a new session of this client would be refused now, if it would.
    [[nodiscard]] std::optional<DropReason> would_refuse(const Ipv6Addr& client6,
                                                         pool::Demand demand,
                                                         Clock::time_point now) const noexcept;

    // ---- as others see it ----

    [[nodiscard]] ClientUse use_of(const Ipv6Addr& client6) const noexcept;

    [[nodiscard]] Binding binding(std::uint32_t slot) const noexcept {
        const auto& s = bib[slot];
        return {s.client6, mapped4(s), {slot, s.generation}};
    }

    /// The same as an answer. Made in its place: to assemble it elsewhere and copy it would
    /// wait for every store that is on its way to memory.
    [[nodiscard]] Resolved resolved(std::uint32_t slot) const noexcept {
        const auto& s = bib[slot];
        return Resolved{
            std::in_place, s.client6, mapped4(s), BindingHandle{slot, s.generation}};
    }

    [[nodiscard]] bool matches(const Filter& filter, const BindingSlot& b) const noexcept;

    [[nodiscard]] Endpoint4 mapped4(const BindingSlot& s) const noexcept {
        return {pool.address(s.address), s.mapped_port};
    }

    /// The remote end as others know it: of an ICMP session with the identifier.
    [[nodiscard]] static Endpoint4 server4(const BindingSlot& b, const Session& s) noexcept {
        return b.protocol == L4Proto::Icmp ? Endpoint4{s.server, b.mapped_port} : s.server4();
    }

    NaptSettings settings;
    Counters& counters;
    EventSink* sink = nullptr;
    rfc6146::Lifetimes lifetimes;
    pool::WholeHosts whole_hosts;
    pool::AddressPool pool;
    pool::ClientTable clients;
    pool::Totals totals;
    rfc6146::Bib bib;
    rfc6146::SessionTable sessions;
    tables::TimerRing timers;
    rfc6146::SynStore syns;
    std::vector<std::uint32_t> clients_at; ///< by AddressIndex: clients with this home
    std::size_t superseded = 0;            ///< claimed SYNs that expire() has yet to report
    Tick latest;                           ///< the time that expire() was last told

private:
    [[nodiscard]] std::optional<DropReason> admit(std::uint32_t owner,
                                                  const Opening& opening,
                                                  pool::Demand demand,
                                                  Clock::time_point now) noexcept;
    [[nodiscard]] Created place(L4Proto protocol,
                                const Endpoint6& client6,
                                const std::optional<Endpoint4>& mapped4,
                                std::uint32_t owner,
                                std::uint64_t owner_hash,
                                Clock::time_point now) noexcept;
    [[nodiscard]] std::optional<pool::AddressPool::Lease> lease(L4Proto protocol,
                                                                Port client,
                                                                std::uint32_t owner,
                                                                std::uint64_t owner_hash,
                                                                Clock::time_point now) noexcept;
    [[nodiscard]] std::optional<pool::AddressPool::Lease>
    lease_exactly(L4Proto protocol, const Endpoint4& mapped4) noexcept;
    void begin(std::uint32_t session,
               std::uint32_t binding,
               const Opening& opening,
               Clock::time_point now) noexcept;
    void end(std::uint32_t session, EventReason reason, Clock::time_point now) noexcept;
    void end_binding(std::uint32_t binding, EventReason reason, Clock::time_point now) noexcept;
    void leave(std::uint32_t owner) noexcept;
    [[nodiscard]] pool::Opened& account(std::uint32_t session) noexcept;
    [[nodiscard]] std::uint32_t& all_half_open(std::uint32_t session) noexcept;
    void begin_half_open(std::uint32_t session) noexcept;
    void end_half_open(std::uint32_t session) noexcept;
    void half_open_packet(std::uint32_t session, Side side, TcpFlags tcp) noexcept;
    void renew(std::uint32_t session, Clock::time_point now) noexcept;
    void emit_binding(EventKind kind,
                      EventReason reason,
                      std::uint32_t binding,
                      Clock::time_point now) noexcept;
    void emit_session(EventKind kind,
                      EventReason reason,
                      std::uint32_t session,
                      Clock::time_point now) noexcept;
};

} // namespace nat64::userspace
