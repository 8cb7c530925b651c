// SPDX-License-Identifier: Apache-2.0
// The whole of RFC 6146 §3.4 to §3.8 for one packet, as five steps on one screen
// (translator.cpp): determine the incoming tuple, find the binding, compute the outgoing
// tuple, translate, hairpin. Holds no session state (that is the NaptBackend's), touches no
// file descriptor, reads no clock. Single-threaded: one Translator per packet thread.
#pragma once

#include "core/clock.hpp"
#include "core/counters.hpp"
#include "core/napt_backend.hpp"
#include "core/net/packet_buffer.hpp"
#include "core/random.hpp"
#include "core/rfc6052.hpp"
#include "core/rfc7915/rfc7915.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <span>

namespace nat64 {

struct TranslatorSettings {
    rfc6052::Nat64Prefix prefix;
    bool wkp_strict = true; ///< RFC 6052 §3.1 for packets
    rfc7915::Settings rfc7915;
    std::optional<Ipv4Addr> gateway4; ///< source of the ICMPv4 errors we originate
    std::optional<Ipv6Addr>
        gateway6; ///< source of ICMPv6 errors where prefix||gateway4 cannot be used
    std::uint32_t icmp_errors_per_second = 1000;
    /// timeouts.fragments, at least 2 s (RFC 6146 §4, FRAGMENT_MIN)
    Clock::duration fragment_timeout = std::chrono::seconds{2};
    std::size_t fragments_held = 1024;   ///< packets in pieces at a time
    std::size_t fragment_buffers = 1024; ///< pieces held at a time

    friend bool operator==(const TranslatorSettings&, const TranslatorSettings&) = default;
};

/// The most packets handle() takes at once.
inline constexpr std::size_t kMaxBatch = 64;

class Translator {
public:
    Translator(const TranslatorSettings& settings,
               NaptBackend& backend,
               Counters& counters,
               Rng& rng);
    ~Translator();
    Translator(const Translator&) = delete;
    Translator& operator=(const Translator&) = delete;

    /// Translates a batch (at most kMaxBatch) of packets of either family. Everything that
    /// leaves goes through `emit` before this returns, packets of one flow in the order they
    /// came. Buffers need kHeadroom and kTailroom; their contents are used up.
    void handle(std::span<PacketBuffer> batch, Clock::time_point now, Emit& emit) noexcept;

    /// Runs the timers of backend and fragments, a bounded amount of work. Returns when to
    /// call again.
    Clock::time_point expire(Clock::time_point now, Budget budget, Emit& emit) noexcept;

    /// Takes over settings that may change while running; prefix and gateway may not.
    void apply(const TranslatorSettings& settings) noexcept;

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

} // namespace nat64
