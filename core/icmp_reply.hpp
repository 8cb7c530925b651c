// SPDX-License-Identifier: Apache-2.0
// Packets that the translator makes itself: the ICMP error that answers a refused packet (RFC
// 792, RFC 4443), and the TCP probe of RFC 6146 §3.5.2.2. Knows which packets must never be
// answered (RFC 1122 §3.2.2, RFC 4443 §2.4 e) and how many answers a second are enough (RFC
// 4443 §2.4 f, RFC 1812 §4.3.2.8). Which error it is to be was decided by who refused
// (core/refusal.hpp). Single-threaded.
#pragma once

#include "core/clock.hpp"
#include "core/counters.hpp"
#include "core/net/packet_buffer.hpp"
#include "core/net/packet_view.hpp"
#include "core/refusal.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace nat64 {

/// RFC 4443 §2.4 f: "limit the average rate of transmission to N, and allow up to B error
/// messages to be transmitted in a burst". B is a tenth of a second's worth, so that no burst
/// outdoes the rate for long, but at least 10, so that one traceroute (three probes a hop) or
/// a page with several dead connections never finds an idle bucket empty.
class TokenBucket {
public:
    explicit TokenBucket(std::uint32_t per_second) noexcept;

    /// Takes one token if there is one. The first call starts with a full bucket. A rate of 0
    /// never has one.
    [[nodiscard]] bool take(Clock::time_point now) noexcept;

    /// Takes over another rate; what is in the bucket stays, as far as it fits.
    void set_rate(std::uint32_t per_second) noexcept;

    [[nodiscard]] std::uint32_t burst() const noexcept { return burst_; }

private:
    std::uint32_t per_second_ = 0;
    std::uint32_t burst_ = 0;
    Clock::duration full_{};  ///< how long an empty bucket takes to fill
    Clock::duration level_{}; ///< what is in it, as the time it took to gather
    Clock::time_point last_{};
    bool started_ = false;
};

class IcmpReplier {
public:
    /// CHOICE(RFC 1812 §4.3.2.4): an error leaves with the gateway's own address. Without one
    /// it leaves with the address the packet was sent to, which is routed to us, so that at
    /// least path MTU discovery works.
    struct Settings {
        std::optional<Ipv4Addr> source4; ///< of ICMPv4 errors
        std::optional<Ipv6Addr> source6; ///< of ICMPv6 errors
        /// `icmp.rate`, to each side, and once more for path MTU discovery; 0 sends none.
        std::uint32_t per_second = 1000;
    };

    explicit IcmpReplier(const Settings& settings) noexcept;

    void apply(const Settings& settings) noexcept;

    /// Answers a refused packet, which must be as it came. `view` is its parsed form. Returns
    /// whether an error was emitted: false if none may be sent about such a packet, or if the
    /// rate is used up (counted).
    bool reply(const PacketView& view,
               const PacketBuffer& packet,
               const IcmpAnswer& answer,
               Clock::time_point now,
               Counters& counters,
               Emit& emit) noexcept;

    /// RFC 6146 §3.5.2.2: "an empty TCP segment, with sequence and acknowledgment number 0 and
    /// only the ACK flag set". Not rate-limited: the backend's timers are.
    void tcp_probe(const Endpoint6& server6,
                   const Endpoint6& client6,
                   Counters& counters,
                   Emit& emit) noexcept;

private:
    /// Errors to each side, and those that path MTU discovery of each side depends on, have a
    /// bucket each: what one side can provoke (probes of unbound ports from the IPv4 side,
    /// say) never silences the answers that others depend on.
    static constexpr std::size_t kBuckets = 4;

    [[nodiscard]] static std::size_t bucket_of(const PacketView& view,
                                               const IcmpAnswer& answer) noexcept;

    [[nodiscard]] PacketBuffer build4(const PacketView& view,
                                      std::span<const std::byte> offending,
                                      const IcmpAnswer& answer) noexcept;
    [[nodiscard]] PacketBuffer build6(const PacketView& view,
                                      std::span<const std::byte> offending,
                                      const IcmpAnswer& answer) noexcept;

    static constexpr std::size_t kLargest = 1280;

    Settings settings_;
    std::array<TokenBucket, kBuckets> buckets_;
    std::array<std::byte, kHeadroom + kLargest + kTailroom> storage_{};
};

/// May an ICMP error be sent about this packet (RFC 1122 §3.2.2, RFC 1812 §4.3.2.7, RFC 4443
/// §2.4 e)? Not about ICMP errors and redirects, fragments other than the first, packets to
/// many, and packets whose source is no single host.
[[nodiscard]] bool may_be_answered(const PacketView& view) noexcept;

/// Builds the probe of RFC 6146 §3.5.2.2 in `storage`, which has room for kHeadroom, 60 bytes
/// and kTailroom.
[[nodiscard]] PacketBuffer build_tcp_probe(std::span<std::byte> storage,
                                           const Endpoint6& server6,
                                           const Endpoint6& client6) noexcept;

} // namespace nat64
