// SPDX-License-Identifier: Apache-2.0
// The answer "this packet will not be translated": which drop reason to count, and which ICMP
// error, if any, its sender gets. Whoever refuses chooses both in one place, so counter,
// verdict and answer cannot diverge. Building and rate-limiting the ICMP error is
// core/icmp_reply's job.
#pragma once

#include "core/verdict.hpp"

#include <cstdint>
#include <optional>

namespace nat64 {

/// An ICMP error to be sent back to where the packet came from, in the packet's own family.
struct IcmpAnswer {
    std::uint8_t type = 0;
    std::uint8_t code = 0;
    std::uint32_t rest =
        0; ///< host order: MTU (ICMPv4: low 16 bits) or pointer (ICMPv4: high 8 bits)

    friend bool operator==(const IcmpAnswer&, const IcmpAnswer&) = default;
};

/// Not an error of the packet but a decision to keep it.
struct Held {};

struct Refusal {
    DropReason reason{};
    std::optional<IcmpAnswer> answer;
};

// ICMPv6 (RFC 4443 §3)
inline constexpr std::uint8_t kIcmpv6DestinationUnreachable = 1;
inline constexpr std::uint8_t kIcmpv6PacketTooBig = 2;
inline constexpr std::uint8_t kIcmpv6TimeExceeded = 3;
inline constexpr std::uint8_t kIcmpv6ParameterProblem = 4;
inline constexpr std::uint8_t kIcmpv6EchoRequest = 128;
inline constexpr std::uint8_t kIcmpv6EchoReply = 129;
// ICMPv4 (RFC 792)
inline constexpr std::uint8_t kIcmpEchoReply = 0;
inline constexpr std::uint8_t kIcmpDestinationUnreachable = 3;
inline constexpr std::uint8_t kIcmpSourceQuench = 4;
inline constexpr std::uint8_t kIcmpRedirect = 5;
inline constexpr std::uint8_t kIcmpEchoRequest = 8;
inline constexpr std::uint8_t kIcmpTimeExceeded = 11;
inline constexpr std::uint8_t kIcmpParameterProblem = 12;

// The answers to an IPv6 packet.
inline constexpr IcmpAnswer kAddressUnreachable6{kIcmpv6DestinationUnreachable, 3};
inline constexpr IcmpAnswer kAdminProhibited6{kIcmpv6DestinationUnreachable, 1};
inline constexpr IcmpAnswer kPortUnreachable6{kIcmpv6DestinationUnreachable, 4};
inline constexpr IcmpAnswer kHopLimitExceeded6{kIcmpv6TimeExceeded, 0};
// The answers to an IPv4 packet.
inline constexpr IcmpAnswer kHostUnreachable4{kIcmpDestinationUnreachable, 1};
inline constexpr IcmpAnswer kProtocolUnreachable4{kIcmpDestinationUnreachable, 2};
inline constexpr IcmpAnswer kPortUnreachable4{kIcmpDestinationUnreachable, 3};
inline constexpr IcmpAnswer kSourceRouteFailed4{kIcmpDestinationUnreachable, 5};
inline constexpr IcmpAnswer kAdminProhibited4{kIcmpDestinationUnreachable, 13};
inline constexpr IcmpAnswer kTtlExceeded4{kIcmpTimeExceeded, 0};

} // namespace nat64
