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

/// The checksum comes from the fields, not from the bytes just written: reading those back at
/// another width would stall.
inline void write_header(std::span<std::byte> at, const Ipv4Fields& fields) noexcept {
    auto& header = overlay<Ipv4Header>(at);
    header.version_ihl = 0x45;
    header.tos = fields.tos;
    header.total_length = fields.total_length;
    header.identification = fields.identification;
    header.flags_fragment = fields.flags_fragment;
    header.ttl = fields.ttl;
    header.protocol = fields.protocol;
    header.checksum = ChecksumSum{}
                          .add32(0x45000000U | std::uint32_t{fields.tos} << 16)
                          .add32(fields.total_length)
                          .add32(fields.identification)
                          .add32(fields.flags_fragment)
                          .add32(std::uint32_t{fields.ttl} << 8 | fields.protocol)
                          .add(fields.source)
                          .add(fields.destination)
                          .checksum();
    header.source = fields.source;
    header.destination = fields.destination;
}

/// RFC 7915 §4.1: "Flow Label: 0 (all zero bits)".
inline void write_header(std::span<std::byte> at, const Ipv6Fields& fields) noexcept {
    auto& header = overlay<Ipv6Header>(at);
    header.version_class_flow = 6U << 28 | std::uint32_t{fields.traffic_class} << 20;
    header.payload_length = fields.payload_length;
    header.next_header = fields.next_header;
    header.hop_limit = fields.hop_limit;
    header.source = fields.source;
    header.destination = fields.destination;
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
