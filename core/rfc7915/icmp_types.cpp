// SPDX-License-Identifier: Apache-2.0
// Written as the RFC writes them: one case a line, in its order. Codes that Time Exceeded may
// have pass unchanged whatever they are (RFC 7915 §4.2: "leave the Code unchanged").
#include "core/rfc7915/icmp_types.hpp"

#include "core/net/headers.hpp"
#include "core/net/packet_view.hpp"
#include "core/refusal.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>

namespace nat64::rfc7915 {

namespace {

// RFC 4443 §3.1
constexpr std::uint8_t kNoRoute = 0;
constexpr std::uint8_t kProhibited6 = 1;
constexpr std::uint8_t kBeyondScope = 2;
constexpr std::uint8_t kAddressUnreachable = 3;
constexpr std::uint8_t kPort6 = 4;
// RFC 4443 §3.4
constexpr std::uint8_t kErroneousHeaderField = 0;
constexpr std::uint8_t kUnrecognizedNextHeader = 1;
// RFC 792 and RFC 1122 §3.2.2.1, RFC 1812 §5.2.7.1
constexpr std::uint8_t kHostUnreachable = 1;
constexpr std::uint8_t kProtocolUnreachable = 2;
constexpr std::uint8_t kPort4 = 3;
constexpr std::uint8_t kFragmentationNeeded = 4;
constexpr std::uint8_t kHostProhibited = 10;
constexpr std::uint8_t kPointerIndicatesError = 0;
constexpr std::uint8_t kBadLength = 2;

std::optional<MappedError> unreachable_to_ipv4(std::uint8_t code) noexcept {
    const auto to = [](std::uint8_t mapped) {
        return MappedError{.type = kIcmpDestinationUnreachable, .code = mapped};
    };
    switch (code) {
    case kNoRoute:
    case kBeyondScope:
    case kAddressUnreachable:
        return to(kHostUnreachable);
    case kProhibited6:
        return to(kHostProhibited);
    case kPort6:
        return to(kPort4);
    default:
        return std::nullopt;
    }
}

std::optional<MappedError> problem_to_ipv4(std::uint8_t code, std::uint32_t pointer) noexcept {
    if (code == kUnrecognizedNextHeader)
        return MappedError{.type = kIcmpDestinationUnreachable, .code = kProtocolUnreachable};
    if (code != kErroneousHeaderField) return std::nullopt;
    const auto mapped = pointer_to_ipv4(pointer);
    if (!mapped) return std::nullopt;
    return MappedError{.type = kIcmpParameterProblem,
                       .code = kPointerIndicatesError,
                       .field = ErrorField::Pointer,
                       .pointer = *mapped};
}

std::optional<MappedError> unreachable_to_ipv6(std::uint8_t code) noexcept {
    const auto to = [](std::uint8_t mapped) {
        return MappedError{.type = kIcmpv6DestinationUnreachable, .code = mapped};
    };
    switch (code) {
    case 0:  // net unreachable
    case 1:  // host unreachable
    case 5:  // source route failed
    case 6:  // destination network unknown
    case 7:  // destination host unknown
    case 8:  // source host isolated
    case 11: // network unreachable for this type of service
    case 12: // host unreachable for this type of service
        return to(kNoRoute);
    case kProtocolUnreachable:
        return MappedError{.type = kIcmpv6ParameterProblem,
                           .code = kUnrecognizedNextHeader,
                           .field = ErrorField::Pointer,
                           .pointer = offsetof(Ipv6Header, next_header)};
    case kPort4:
        return to(kPort6);
    case kFragmentationNeeded:
        return MappedError{.type = kIcmpv6PacketTooBig, .code = 0, .field = ErrorField::Mtu};
    case 9:  // communication with destination network prohibited
    case 10: // communication with destination host prohibited
    case 13: // communication prohibited
    case 15: // precedence cutoff in effect
        return to(kProhibited6);
    default: // 14, host precedence violation, and what is not assigned
        return std::nullopt;
    }
}

std::optional<MappedError> problem_to_ipv6(std::uint8_t code, std::uint32_t rest) noexcept {
    if (code != kPointerIndicatesError && code != kBadLength) return std::nullopt;
    const auto mapped = pointer_to_ipv6(rest >> 24);
    if (!mapped) return std::nullopt;
    return MappedError{.type = kIcmpv6ParameterProblem,
                       .code = kErroneousHeaderField,
                       .field = ErrorField::Pointer,
                       .pointer = *mapped};
}

} // namespace

std::optional<MappedError>
map_icmpv6_error(std::uint8_t type, std::uint8_t code, std::uint32_t rest) noexcept {
    switch (type) {
    case kIcmpv6DestinationUnreachable:
        return unreachable_to_ipv4(code);
    case kIcmpv6PacketTooBig:
        return MappedError{.type = kIcmpDestinationUnreachable,
                           .code = kFragmentationNeeded,
                           .field = ErrorField::Mtu};
    case kIcmpv6TimeExceeded:
        return MappedError{.type = kIcmpTimeExceeded, .code = code};
    case kIcmpv6ParameterProblem:
        return problem_to_ipv4(code, rest);
    default:
        return std::nullopt;
    }
}

std::optional<MappedError>
map_icmpv4_error(std::uint8_t type, std::uint8_t code, std::uint32_t rest) noexcept {
    switch (type) {
    case kIcmpDestinationUnreachable:
        return unreachable_to_ipv6(code);
    case kIcmpTimeExceeded:
        return MappedError{.type = kIcmpv6TimeExceeded, .code = code};
    case kIcmpParameterProblem:
        return problem_to_ipv6(code, rest);
    default: // Source Quench and Redirect among them
        return std::nullopt;
    }
}

std::optional<std::uint8_t> pointer_to_ipv4(std::uint32_t pointer) noexcept {
    if (pointer == 0) return 0;                    // Version, Traffic Class -> Version, IHL
    if (pointer == 1) return 1;                    // Traffic Class -> Type of Service
    if (pointer == 4 || pointer == 5) return 2;    // Payload Length -> Total Length
    if (pointer == 6) return 9;                    // Next Header -> Protocol
    if (pointer == 7) return 8;                    // Hop Limit -> Time to Live
    if (pointer >= 8 && pointer <= 23) return 12;  // Source Address
    if (pointer >= 24 && pointer <= 39) return 16; // Destination Address
    return std::nullopt;                           // Flow Label, extension headers, payload
}

std::optional<std::uint8_t> pointer_to_ipv6(std::uint32_t pointer) noexcept {
    if (pointer == 0) return 0;                    // Version, IHL -> Version, Traffic Class
    if (pointer == 1) return 1;                    // Type of Service -> Traffic Class
    if (pointer == 2 || pointer == 3) return 4;    // Total Length -> Payload Length
    if (pointer == 8) return 7;                    // Time to Live -> Hop Limit
    if (pointer == 9) return 6;                    // Protocol -> Next Header
    if (pointer >= 12 && pointer <= 15) return 8;  // Source Address
    if (pointer >= 16 && pointer <= 19) return 24; // Destination Address
    return std::nullopt;                           // fragmentation, checksum, options, payload
}

std::uint32_t quoted_length_attribute(const PacketView& error) noexcept {
    const auto& icmp = error.icmp();
    if (error.family == Family::V6) {
        const bool has_field =
            icmp.type == kIcmpv6DestinationUnreachable || icmp.type == kIcmpv6TimeExceeded;
        return has_field ? icmp.rest[0] * 8U : 0;
    }
    const bool has_field = icmp.type == kIcmpDestinationUnreachable ||
                           icmp.type == kIcmpTimeExceeded || icmp.type == kIcmpParameterProblem;
    return has_field ? icmp.rest[1] * 4U : 0;
}

} // namespace nat64::rfc7915
