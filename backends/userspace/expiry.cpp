// SPDX-License-Identifier: Apache-2.0
// Time passes: stored SYNs that nobody claimed, sessions whose lifetime is over (RFC 6146
// §3.5.1, §3.5.2.2, §3.5.3), and, after a reload has shortened a lifetime, the timers of
// sessions that are there already. Every call does a bounded amount of work and says when it
// wants the next one.
#include "backends/userspace/userspace_backend.hpp"
#include "core/clock.hpp"
#include "core/net/headers.hpp"
#include "core/net/packet_buffer.hpp"
#include "core/rfc6146/tcp_state.hpp"
#include "core/tables/timer_ring.hpp"

#include <algorithm>
#include <array>
#include <cstddef>

namespace nat64::userspace {

namespace {

// In units of Budget::slots: looking at one timer, and ending a session with its binding.
constexpr std::size_t kLook = 1;
constexpr std::size_t kEnd = 4;

void spend(std::size_t& left, std::size_t cost) noexcept {
    left -= std::min(left, cost);
}

} // namespace

Clock::time_point UserspaceBackend::expire(Clock::time_point now,
                                           Budget budget,
                                           Originator& originator) noexcept {
    state_.latest = Tick::floor(now);
    for (; state_.superseded > 0; --state_.superseded)
        originator.syn_superseded();
    auto left = std::max<std::size_t>(budget.slots, 1);
    expire_syns(now, left, originator);
    reapply_timeouts(left);
    recheck_sessions(now, left);
    expire_sessions(now, left, originator);
    return left == 0 || reapplying_ || rechecking_ ? now : next_deadline(now);
}

void UserspaceBackend::expire_syns(Clock::time_point now,
                                   std::size_t& left,
                                   Originator& originator) noexcept {
    const auto deadline = [&](Tick stored) {
        return state_.lifetimes.deadline(stored, rfc6146::Lifetime::TcpIncomingSyn);
    };
    const auto expired = [&](PacketBuffer& syn) { originator.syn_expired(syn); };
    while (left > 0 && state_.syns.expire_one(Tick::floor(now), deadline, expired))
        spend(left, kEnd);
}

// A timer that is set too late cannot correct itself, so each is set anew, some at a time.
void UserspaceBackend::reapply_timeouts(std::size_t& left) noexcept {
    auto& sessions = state_.sessions;
    for (; reapplying_ && left > 0; spend(left, kLook)) {
        reapplying_ = next_session(*reapplying_);
        if (!reapplying_) return;
        if (sessions.exists(*reapplying_)) state_.link(*reapplying_);
        ++*reapplying_;
    }
}

// Only what begins asks the policy and the pool, so under another one each session is asked
// about anew.
void UserspaceBackend::recheck_sessions(Clock::time_point now, std::size_t& left) noexcept {
    const auto& sessions = state_.sessions;
    while (rechecking_ && left > 0) {
        rechecking_ = next_session(*rechecking_);
        if (!rechecking_) return;
        const auto session = (*rechecking_)++;
        spend(left, kLook);
        if (!sessions.exists(session)) continue;
        const auto& b = state_.bib[sessions.binding_of(session)];
        const auto server4 = sessions[session].server4();
        const auto no = sessions[session].opener == Side::V6
                            ? forbids_outbound(b.client6, b.protocol, server4)
                            : inbound_ruling(b.client6.address, b.protocol, server4).refusal();
        const bool withheld = state_.pool.is_withheld(b.address);
        if (!no && !withheld) continue;
        state_.close(
            session, withheld ? EventReason::PoolChanged : EventReason::Forbidden, now);
        spend(left, kEnd);
    }
}

// Sessions stand in two ranges: those that came with their binding, and the others.
std::optional<std::uint32_t> UserspaceBackend::next_session(std::uint32_t from) const noexcept {
    if (from == state_.bib.high_water()) from = state_.sessions.base();
    return from == state_.sessions.end() ? std::nullopt : std::optional{from};
}

// By the dozen, so that memory is asked for all of them before the first is looked at.
void UserspaceBackend::expire_sessions(Clock::time_point now,
                                       std::size_t& left,
                                       Originator& originator) noexcept {
    std::array<std::uint32_t, 16> due{};
    while (left > 0) {
        const auto wanted = std::min(due.size(), left);
        const auto taken =
            state_.timers.take_due(Tick::floor(now), std::span{due}.first(wanted));
        for (const auto session : std::span{due}.first(taken))
            state_.sessions.prefetch(session);
        for (const auto session : std::span{due}.first(taken))
            state_.prefetch_close(session);
        for (const auto session : std::span{due}.first(taken))
            spend(left, session_due(session, now, originator));
        if (taken < wanted) return;
    }
}

// A timer has come; packets may have moved the deadline since it was set. Returns the cost.
std::size_t UserspaceBackend::session_due(std::uint32_t session,
                                          Clock::time_point now,
                                          Originator& originator) noexcept {
    const auto& s = state_.sessions[session];
    if (tables::before(Tick::floor(now), state_.lifetimes.deadline(s.refreshed, s.lifetime))) {
        state_.link(session);
        return kLook;
    }
    if (s.state != SessionState::Established || s.partially_open) {
        state_.close(session, EventReason::Expired, now);
        return kEnd;
    }
    // RFC 6146 §3.5.2.2, ESTABLISHED: "SHOULD send a probe packet ... The state is moved to
    // TRANS." An end that is alive answers, and that brings the session back.
    const auto client6 = state_.bib[state_.sessions.binding_of(session)].client6;
    const auto server4 = s.server4();
    state_.change(session, {SessionState::Trans, true}, EventReason::Expired, now);
    if (!state_.timers.linked(session)) state_.link(session);
    originator.tcp_probe(client6, server4);
    return kEnd;
}

Clock::time_point UserspaceBackend::next_deadline(Clock::time_point now) const noexcept {
    auto next = now + std::chrono::hours{1};
    if (const auto timer = state_.timers.next()) next = std::min(next, timer->start());
    if (const auto stored = state_.syns.oldest())
        next = std::min(
            next,
            state_.lifetimes.deadline(*stored, rfc6146::Lifetime::TcpIncomingSyn).start());
    return next;
}

void UserspaceBackend::touch(BindingHandle handle,
                             Clock::time_point last_seen,
                             std::uint64_t packets,
                             std::uint64_t bytes) noexcept {
    auto& sessions = state_.sessions;
    if (!sessions.exists(handle.slot) || sessions.generation(handle.slot) != handle.generation)
        return;
    auto& s = sessions[handle.slot];
    s.packets += packets;
    s.bytes += bytes;
    const auto seen = Tick::floor(last_seen);
    if (!tables::before(s.refreshed, seen)) return;
    if (s.state == SessionState::Active) {
        s.refreshed = seen;
        return;
    }
    // What somebody else carries is neither SYN nor FIN nor RST, and goes both ways.
    state_.follow(handle.slot, s.opener, TcpFlags{TcpFlags::kAck}, last_seen);
}

} // namespace nat64::userspace
