// SPDX-License-Identifier: Apache-2.0
// RFC 6146 §3.5.2.2, paragraph by paragraph, for the session book. RST first, FIN before SYN
// (docs/rfc-map.md). RFC 5382 §5 beside it: a connection is partially open from its SYN on
// until its opener has sent an ACK, and no longer than TCP_TRANS without a packet.
#pragma once

#include "core/napt_backend.hpp"

#include <cstdint>

namespace nat64::simulation {

struct TcpStep {
    rfc6146::SessionState to;

    enum Timer : std::uint8_t { Kept, Established, Transitory } timer;
};

[[nodiscard]] inline TcpStep
tcp_step(rfc6146::SessionState from, rfc6146::Side side, TcpFlags tcp) {
    using enum rfc6146::SessionState;
    const bool v6 = side == rfc6146::Side::V6;
    const bool fin = tcp.fin() && !tcp.rst();
    const bool syn = tcp.syn() && !tcp.fin() && !tcp.rst();
    switch (from) {
    case V4Init:
        if (syn && v6) return {Established, TcpStep::Established};
        return {V4Init, TcpStep::Kept};
    case V6Init:
        if (syn && !v6) return {Established, TcpStep::Established};
        if (syn && v6) return {V6Init, TcpStep::Transitory};
        return {V6Init, TcpStep::Kept};
    case Established:
        if (tcp.rst()) return {Trans, TcpStep::Transitory};
        if (fin) return {v6 ? V6FinRcv : V4FinRcv, TcpStep::Kept};
        return {Established, TcpStep::Established};
    case V4FinRcv:
    case V6FinRcv:
        if (tcp.rst()) return {Trans, TcpStep::Transitory};
        if (fin && v6 == (from == V4FinRcv)) return {V4FinV6FinRcv, TcpStep::Transitory};
        return {from, TcpStep::Established};
    case V4FinV6FinRcv: // opened again, or waiting for its end
        if (syn && (tcp.bits & TcpFlags::kAck) == 0)
            return {v6 ? V6Init : V4Init, TcpStep::Transitory};
        return {V4FinV6FinRcv, TcpStep::Kept};
    case Trans:
        if (tcp.rst()) return {Trans, TcpStep::Kept};
        return {Established, TcpStep::Established};
    case Active:
        break;
    }
    return {from, TcpStep::Kept};
}

/// Whether a connection is partially open after this packet, which makes this step.
[[nodiscard]] inline bool partially_open_after(
    bool before, rfc6146::SessionState from, TcpStep step, bool from_opener, TcpFlags tcp) {
    using enum rfc6146::SessionState;
    if (step.to == V4Init || step.to == V6Init) return true;
    if (from == Trans && step.to == Established && tcp.syn()) return true; // and again
    if (from_opener && !tcp.rst() && (tcp.bits & TcpFlags::kAck) != 0) return false;
    return before;
}

/// Which timer that leaves the step.
[[nodiscard]] inline TcpStep::Timer timer_of(TcpStep step, bool before, bool after) {
    using enum rfc6146::SessionState;
    const bool closed = step.to == V4FinV6FinRcv;
    if (before && !after && !closed) return TcpStep::Established; // open from now on
    return after && step.timer == TcpStep::Established ? TcpStep::Transitory : step.timer;
}

} // namespace nat64::simulation
