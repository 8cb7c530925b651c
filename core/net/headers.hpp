// SPDX-License-Identifier: Apache-2.0
// The wire formats of RFC 791, 8200, 768, 9293, 792 and 4443 as plain structs of single bytes
// and BigEndian fields: alignment 1, so they may be copied from or overlaid on packet bytes at
// any offset. Pure layout: nothing here checks, computes or decides.
#pragma once

#include "core/net/address.hpp"
#include "core/net/bytes.hpp"

#include <array>
#include <bit>
#include <cstdint>

namespace nat64 {

// IANA protocol numbers that the translator has to know by name.
inline constexpr std::uint8_t kProtoHopByHop = 0;
inline constexpr std::uint8_t kProtoIcmp = 1;
inline constexpr std::uint8_t kProtoTcp = 6;
inline constexpr std::uint8_t kProtoUdp = 17;
inline constexpr std::uint8_t kProtoRouting = 43;
inline constexpr std::uint8_t kProtoFragment = 44;
inline constexpr std::uint8_t kProtoIcmpv6 = 58;
inline constexpr std::uint8_t kProtoNoNext = 59;
inline constexpr std::uint8_t kProtoDestinationOptions = 60;

[[nodiscard]] constexpr bool is_tcp_or_udp(std::uint8_t protocol) noexcept {
    return protocol == kProtoTcp || protocol == kProtoUdp;
}

/// An IPv4 address on the wire.
struct WireAddr4 {
    Be32 bits;

    [[nodiscard]] Ipv4Addr value() const noexcept { return Ipv4Addr{bits.value()}; }

    WireAddr4& operator=(Ipv4Addr a) noexcept {
        bits = a.bits();
        return *this;
    }
};

/// An IPv6 address on the wire.
struct WireAddr6 {
    Ipv6Addr::Bytes bytes{};

    [[nodiscard]] Ipv6Addr value() const noexcept { return Ipv6Addr{bytes}; }

    /// The address as two words, the first eight bytes in front.
    [[nodiscard]] std::array<Be64, 2> halves() const noexcept {
        return std::bit_cast<std::array<Be64, 2>>(bytes);
    }

    /// As two words: addresses come out of registers more often than out of memory.
    WireAddr6& operator=(const Ipv6Addr& a) noexcept {
        bytes = std::bit_cast<Ipv6Addr::Bytes>(std::array{Be64{a.high()}, Be64{a.low()}});
        return *this;
    }
};

/// RFC 791 §3.1, without options.
struct Ipv4Header {
    std::uint8_t version_ihl = 0;
    std::uint8_t tos = 0;
    Be16 total_length;
    Be16 identification;
    Be16 flags_fragment; ///< kDontFragment | kMoreFragments | offset in 8-byte units
    std::uint8_t ttl = 0;
    std::uint8_t protocol = 0;
    Be16 checksum;
    WireAddr4 source;
    WireAddr4 destination;

    static constexpr std::uint16_t kDontFragment = 0x4000;
    static constexpr std::uint16_t kMoreFragments = 0x2000;
    static constexpr std::uint16_t kOffsetMask = 0x1fff;
};

/// RFC 8200 §3.
struct Ipv6Header {
    Be32 version_class_flow; ///< version 4 bits, traffic class 8, flow label 20
    Be16 payload_length;
    std::uint8_t next_header = 0;
    std::uint8_t hop_limit = 0;
    WireAddr6 source;
    WireAddr6 destination;
};

/// RFC 8200 §4.5.
struct Ipv6FragmentHeader {
    std::uint8_t next_header = 0;
    std::uint8_t reserved = 0;
    Be16 offset_more; ///< offset in 8-byte units << 3 | M flag
    Be32 identification;
};

/// The common start of extension headers (RFC 8200 §4.2-§4.6): length in 8-byte units, the
/// first not counted.
struct Ipv6ExtensionHeader {
    std::uint8_t next_header = 0;
    std::uint8_t length = 0;
};

struct UdpHeader {
    Be16 source_port;
    Be16 destination_port;
    Be16 length;
    Be16 checksum;
};

/// RFC 9293 §3.1, without options.
struct TcpHeader {
    Be16 source_port;
    Be16 destination_port;
    Be32 sequence;
    Be32 acknowledgment;
    std::uint8_t data_offset = 0; ///< header length in 4-byte units << 4
    std::uint8_t flags = 0;
    Be16 window;
    Be16 checksum;
    Be16 urgent;
};

/// The TCP flags that RFC 6146 §3.5.2 looks at.
struct TcpFlags {
    std::uint8_t bits = 0;

    static constexpr std::uint8_t kFin = 0x01;
    static constexpr std::uint8_t kSyn = 0x02;
    static constexpr std::uint8_t kRst = 0x04;
    static constexpr std::uint8_t kAck = 0x10;

    [[nodiscard]] constexpr bool fin() const noexcept { return (bits & kFin) != 0; }

    [[nodiscard]] constexpr bool syn() const noexcept { return (bits & kSyn) != 0; }

    [[nodiscard]] constexpr bool rst() const noexcept { return (bits & kRst) != 0; }
};

/// RFC 792 and RFC 4443 share this start. `rest` is identifier and sequence number of an echo,
/// the MTU or pointer of an error, the length field of RFC 4884.
struct IcmpHeader {
    std::uint8_t type = 0;
    std::uint8_t code = 0;
    Be16 checksum;
    std::array<std::uint8_t, 4> rest{};
};

static_assert(sizeof(Ipv4Header) == 20 && alignof(Ipv4Header) == 1);
static_assert(sizeof(Ipv6Header) == 40 && alignof(Ipv6Header) == 1);
static_assert(sizeof(Ipv6FragmentHeader) == 8 && alignof(Ipv6FragmentHeader) == 1);
static_assert(sizeof(UdpHeader) == 8 && sizeof(TcpHeader) == 20 && sizeof(IcmpHeader) == 8);

} // namespace nat64
