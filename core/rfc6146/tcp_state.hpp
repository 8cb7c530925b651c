// SPDX-License-Identifier: Apache-2.0
// RFC 6146 §3.5.2: the TCP connection tracking state machine as a pure function from (state,
// side, flags) to what happens to state and lifetime. UDP and ICMP sessions have the state
// Active. The tables, the timers and the stored SYNs are elsewhere.
#pragma once

#include "core/net/headers.hpp"

#include <cstdint>
#include <string_view>

namespace nat64::rfc6146 {

/// RFC 6146 §3.5.2.1. Closed is the absence of a session and is never stored.
enum class SessionState : std::uint8_t {
    Active, ///< UDP and ICMP
    V4Init, ///< SYN from the IPv4 side seen
    V6Init, ///< SYN from the IPv6 side seen
    Established,
    V4FinRcv,
    V6FinRcv,
    V4FinV6FinRcv,
    Trans, ///< a RST was seen, or the established timer ran out
};

/// "active", "v4_init", "v6_init", "established", "v4_fin_rcv", "v6_fin_rcv",
/// "v4_fin_v6_fin_rcv", "trans".
[[nodiscard]] std::string_view name_of(SessionState state) noexcept;

enum class Side : std::uint8_t { V6, V4 };

/// The lifetimes of RFC 6146 §4 and RFC 5508, in the order of configuration.
enum class Lifetime : std::uint8_t { Udp, TcpEstablished, TcpTransitory, Icmp, TcpIncomingSyn };

struct Transition {
    SessionState next;
    bool refresh; ///< set the lifetime of `next` anew; otherwise the running one stays
};

/// RFC 6146 §3.5.2.2, all states but CLOSED. `from` must not be Active.
[[nodiscard]] Transition tcp_transition(SessionState from, Side side, TcpFlags flags) noexcept;

/// Does this packet refresh the lifetime, and no more? UDP and ICMP always do; RFC 6146
/// §3.5.2.2, ESTABLISHED: any segment that is neither FIN nor RST. So nearly every packet does,
/// and for the others tcp_transition() is to be asked.
[[nodiscard]] constexpr bool only_refreshes(SessionState from, TcpFlags flags) noexcept {
    return from == SessionState::Active ||
           (from == SessionState::Established &&
            (flags.bits & (TcpFlags::kFin | TcpFlags::kRst)) == 0);
}

/// Which lifetime a session has after a refresh in this TCP state: both single-FIN states keep
/// the established one.
[[nodiscard]] Lifetime tcp_lifetime(SessionState state) noexcept;

} // namespace nat64::rfc6146
