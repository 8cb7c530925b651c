// SPDX-License-Identifier: Apache-2.0
// Writing IP headers: the fields that RFC 7915 §4.1 and §5.1 decide about, and the two
// functions that put them into bytes. What is the same in every packet that leaves (version,
// header length, flow label 0, IPv4 header checksum) is known here and nowhere else. Inline
// because each packet passes here once.
#pragma once

#include "core/net/address.hpp"
#include "core/net/bytes.hpp"
#include "core/net/checksum.hpp"
#include "core/net/headers.hpp"
#include "core/rfc7915/rfc7915.hpp"

#include <cstddef>
#include <cstdint>
#include <span>

namespace nat64::rfc7915 {

struct Ipv4Fields {
    std::uint8_t tos = 0;
    std::uint8_t ttl = 0;
    std::uint8_t protocol = 0;
    std::uint16_t total_length = 0;
    std::uint16_t identification = 0;
    std::uint16_t flags_fragment = 0; ///< as in Ipv4Header
    Ipv4Addr source;
    Ipv4Addr destination;
};

struct Ipv6Fields {
    std::uint8_t traffic_class = 0;
    std::uint8_t hop_limit = 0;
    std::uint8_t next_header = 0;
    std::uint16_t payload_length = 0;
    Ipv6Addr source;
    Ipv6Addr destination;
};

/// An IPv4 header without checksum as the words that stand in it, which also are its sum (RFC
/// 1071 §2 B: wider words may be added as they are).
struct Ipv4Words {
    std::uint64_t first = 0;  ///< version to fragment offset
    std::uint64_t second = 0; ///< TTL to source
    std::uint32_t destination = 0;

    constexpr void set_identification(std::uint16_t identification) noexcept {
        first |= std::uint32_t{identification} << 16;
    }

    constexpr void set_addresses(Ipv4Addr from, Ipv4Addr to) noexcept {
        second |= from.bits();
        destination = to.bits();
    }
};

[[nodiscard]] constexpr Ipv4Words header_words(const Ipv4Fields& fields) noexcept {
    return {.first = std::uint64_t{0x45} << 56 | std::uint64_t{fields.tos} << 48 |
                     std::uint64_t{fields.total_length} << 32 |
                     std::uint32_t{fields.identification} << 16 | fields.flags_fragment,
            .second = std::uint64_t{fields.ttl} << 56 | std::uint64_t{fields.protocol} << 48 |
                      fields.source.bits(),
            .destination = fields.destination.bits()};
}

inline void write_header(std::span<std::byte> at, const Ipv4Words& words) noexcept {
    struct Wire {
        Be64 first;
        Be64 second;
        Be32 destination;
    };

    static_assert(sizeof(Wire) == sizeof(Ipv4Header));
    const auto sum = add_carry(add_carry(words.first, words.second), words.destination);
    const auto checksum = static_cast<std::uint16_t>(~fold(sum));
    auto& wire = overlay<Wire>(at);
    wire.first = words.first;
    wire.second = words.second | std::uint64_t{checksum} << 32;
    wire.destination = words.destination;
}

inline void write_header(std::span<std::byte> at, const Ipv4Fields& fields) noexcept {
    write_header(at, header_words(fields));
}

/// The first eight bytes of an IPv6 header; RFC 7915 §4.1: "Flow Label: 0 (all zero bits)".
[[nodiscard]] constexpr std::uint64_t first_word(const Ipv6Fields& fields) noexcept {
    return std::uint64_t{6} << 60 | std::uint64_t{fields.traffic_class} << 52 |
           std::uint32_t{fields.payload_length} << 16 | std::uint32_t{fields.next_header} << 8 |
           fields.hop_limit;
}

inline void write_header(std::span<std::byte> at,
                         std::uint64_t first_word,
                         const Ipv6Addr& source,
                         const Ipv6Addr& destination) noexcept {
    overlay<Be64>(at) = first_word;
    auto& header = overlay<Ipv6Header>(at);
    header.source = source;
    header.destination = destination;
}

inline void write_header(std::span<std::byte> at, const Ipv6Fields& fields) noexcept {
    write_header(at, first_word(fields), fields.source, fields.destination);
}

/// RFC 8200 §4.5. `offset` is in bytes.
inline void write_fragment_header(std::span<std::byte> at,
                                  std::uint8_t next_header,
                                  std::uint32_t offset,
                                  bool more,
                                  std::uint32_t identification) noexcept {
    auto& header = overlay<Ipv6FragmentHeader>(at);
    header.next_header = next_header;
    header.reserved = 0;
    header.offset_more = static_cast<std::uint16_t>(offset | (more ? 1U : 0U));
    header.identification = identification;
}

/// RFC 7915 §4.1, §5.1: the protocol numbers of ICMP change places, all others stay.
[[nodiscard]] constexpr std::uint8_t to_ipv4_protocol(std::uint8_t next_header) noexcept {
    return next_header == kProtoIcmpv6 ? kProtoIcmp : next_header;
}

[[nodiscard]] constexpr std::uint8_t to_ipv6_protocol(std::uint8_t protocol) noexcept {
    return protocol == kProtoIcmp ? kProtoIcmpv6 : protocol;
}

/// Is the hop limit of an arriving packet too small to go on (RFC 7915 §4.1, §5.1)? Where the
/// kernel forwards, it has asked before us and will ask again, and only zero is left to us.
[[nodiscard]] constexpr bool
hops_used_up(std::uint8_t hop_limit, HopPolicy policy, CountHop count_hop) noexcept {
    return hop_limit <= (policy == HopPolicy::Decrement && count_hop == CountHop::Yes ? 1 : 0);
}

/// The hop limit a packet leaves with. Not to be called when hops_used_up().
[[nodiscard]] constexpr std::uint8_t
next_hop_limit(std::uint8_t hop_limit, HopPolicy policy, CountHop count_hop) noexcept {
    const bool count = policy == HopPolicy::Decrement && count_hop == CountHop::Yes;
    return static_cast<std::uint8_t>(hop_limit - (count ? 1 : 0));
}

} // namespace nat64::rfc7915
