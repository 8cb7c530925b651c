// SPDX-License-Identifier: Apache-2.0
// The configured lifetimes (RFC 6146 §4, RFC 5508 §3.2) in ticks, and the one place that says
// when a session ends: never before its lifetime is over, and no more than a tick after it.
#pragma once

#include "core/clock.hpp"
#include "core/napt_settings.hpp"
#include "core/rfc6146/tcp_state.hpp"

#include <array>
#include <cstdint>

namespace nat64::rfc6146 {

class Lifetimes {
public:
    explicit constexpr Lifetimes(const Timeouts& t) noexcept
        : ticks_{Tick::ceil_count(t.udp),
                 Tick::ceil_count(t.tcp_established),
                 Tick::ceil_count(t.tcp_transitory),
                 Tick::ceil_count(t.icmp),
                 Tick::ceil_count(t.tcp_incoming_syn)} {}

    [[nodiscard]] constexpr std::uint32_t ticks(Lifetime lifetime) const noexcept {
        return ticks_[static_cast<std::size_t>(lifetime)];
    }

    /// The first tick at whose start a session refreshed somewhere in tick `refreshed` is over.
    [[nodiscard]] constexpr Tick deadline(Tick refreshed, Lifetime lifetime) const noexcept {
        return Tick{refreshed.count() + 1 + ticks(lifetime)};
    }

private:
    std::array<std::uint32_t, 5> ticks_; ///< by Lifetime
};

} // namespace nat64::rfc6146
