// SPDX-License-Identifier: Apache-2.0
// RFC 6146 §3.5.2.2, one function for each state. Flags are looked at in the order RST, FIN,
// SYN; a segment that carries several counts as the first of them, so that a forged SYN+FIN or
// SYN+RST can never keep a session alive longer than the plain one would.
#include "core/rfc6146/tcp_state.hpp"

#include <cassert>

namespace nat64::rfc6146 {

namespace {

using enum SessionState;

constexpr Transition stay(SessionState state) noexcept {
    return {state, false};
}

constexpr Transition refresh(SessionState state) noexcept {
    return {state, true};
}

constexpr bool is_syn(TcpFlags flags) noexcept {
    return flags.syn() && !flags.fin() && !flags.rst();
}

/// Of a connection that begins, not the answer to it.
constexpr bool is_first_syn(TcpFlags flags) noexcept {
    return is_syn(flags) && (flags.bits & TcpFlags::kAck) == 0;
}

constexpr bool is_fin(TcpFlags flags) noexcept {
    return flags.fin() && !flags.rst();
}

// "If a V6 SYN is received ... the state is moved to ESTABLISHED." Anything else changes
// nothing: a repeated V4 SYN does not keep the half-open session alive.
Transition from_v4_init(Side side, TcpFlags flags) noexcept {
    return side == Side::V6 && is_syn(flags) ? refresh(Established) : stay(V4Init);
}

// A V4 SYN, with or without ACK, establishes; a repeated V6 SYN starts TCP_TRANS anew.
Transition from_v6_init(Side side, TcpFlags flags) noexcept {
    if (!is_syn(flags)) return stay(V6Init);
    return refresh(side == Side::V4 ? Established : V6Init);
}

// A FIN moves the state and leaves the lifetime as it is. A RST may be forged, hence TRANS:
// the next other packet brings the session back.
Transition from_established(Side side, TcpFlags flags) noexcept {
    if (only_refreshes(Established, flags)) return refresh(Established);
    if (flags.rst()) return refresh(Trans);
    return stay(side == Side::V4 ? V4FinRcv : V6FinRcv);
}

// CHOICE(RFC 6146 §3.5.2.2): a RST behind a FIN is not "any other packet", which would keep a
// dead session for hours, but goes to TRANS as RFC 7857 §2.2 asks for any state.
Transition from_v4_fin_rcv(Side side, TcpFlags flags) noexcept {
    if (flags.rst()) return refresh(Trans);
    return refresh(side == Side::V6 && is_fin(flags) ? V4FinV6FinRcv : V4FinRcv);
}

Transition from_v6_fin_rcv(Side side, TcpFlags flags) noexcept {
    if (flags.rst()) return refresh(Trans);
    return refresh(side == Side::V4 && is_fin(flags) ? V4FinV6FinRcv : V6FinRcv);
}

// DEVIATION(RFC 6146 §3.5.2.2): ADR-0033. Only time is to end this state, and nothing to extend
// it; but who connects again from the same port within its four minutes would lose a living
// connection when they are over.
Transition from_both_fins(Side side, TcpFlags flags) noexcept {
    if (!is_first_syn(flags)) return stay(V4FinV6FinRcv);
    return refresh(side == Side::V6 ? V6Init : V4Init);
}

Transition from_trans(TcpFlags flags) noexcept {
    return flags.rst() ? stay(Trans) : refresh(Established);
}

} // namespace

std::string_view name_of(SessionState state) noexcept {
    switch (state) {
    case Active:
        return "active";
    case V4Init:
        return "v4_init";
    case V6Init:
        return "v6_init";
    case Established:
        return "established";
    case V4FinRcv:
        return "v4_fin_rcv";
    case V6FinRcv:
        return "v6_fin_rcv";
    case V4FinV6FinRcv:
        return "v4_fin_v6_fin_rcv";
    case Trans:
        return "trans";
    }
    return "?";
}

Transition tcp_transition(SessionState from, Side side, TcpFlags flags) noexcept {
    assert(from != Active);
    switch (from) {
    case Active:
        return refresh(Active);
    case V4Init:
        return from_v4_init(side, flags);
    case V6Init:
        return from_v6_init(side, flags);
    case Established:
        return from_established(side, flags);
    case V4FinRcv:
        return from_v4_fin_rcv(side, flags);
    case V6FinRcv:
        return from_v6_fin_rcv(side, flags);
    case V4FinV6FinRcv:
        return from_both_fins(side, flags);
    case Trans:
        return from_trans(flags);
    }
    return stay(from);
}

Lifetime tcp_lifetime(SessionState state) noexcept {
    switch (state) {
    case Established:
    case V4FinRcv:
    case V6FinRcv:
        return Lifetime::TcpEstablished;
    case Active:
    case V4Init:
    case V6Init:
    case V4FinV6FinRcv:
    case Trans:
        return Lifetime::TcpTransitory;
    }
    return Lifetime::TcpTransitory;
}

} // namespace nat64::rfc6146
