// SPDX-License-Identifier: Apache-2.0
// Transport headers, RFC 7915 §4.5 and §5.5: ports, identifiers and checksums of TCP, UDP and
// ICMP queries. Everything is a delta, so that payload is neither read nor touched; the two
// exceptions that must sum it (a UDP checksum that the IPv4 sender left out, a partial checksum
// that nobody will finish) are functions of their own. The same functions serve a packet in
// place and the packet inside an ICMP error, which may be cut off anywhere behind its first
// eight bytes.
//
// Views describe the packet as it came: addresses are read from its old header, which must
// still be intact.
//
// A delta is a ones' complement sum of what is new and of the complement of what is old (RFC
// 1624 eqn. 3). TCP and UDP have the same protocol number, length and payload on both sides, so
// only addresses and ports differ. They are inline, since nearly all packets are of these two.
#pragma once

#include "core/net/bytes.hpp"
#include "core/net/checksum.hpp"
#include "core/net/headers.hpp"
#include "core/net/packet_view.hpp"
#include "core/net/transport.hpp"
#include "core/rfc7915/rfc7915.hpp"

#include <cstddef>
#include <cstdint>
#include <span>

namespace nat64::rfc7915 {

/// What the checksum field of TCP and UDP holds (see Offload).
enum class ChecksumKind : std::uint8_t { Full, Partial };

[[nodiscard]] constexpr ChecksumKind checksum_kind(const Offload& offload) noexcept {
    return offload.partial_checksum ? ChecksumKind::Partial : ChecksumKind::Full;
}

/// How much of a packet is there, and what its checksum means.
struct TransportContext {
    ChecksumKind checksum = ChecksumKind::Full;
    std::uint32_t length = 0; ///< what the pseudo-header of ICMPv6 counts
};

// ---- deltas ----

/// What changes in the data of a checksum, as a sum of 64-bit words with end-around carry that
/// is folded once, at the end. The complement of a word takes it away again.
class Delta {
public:
    constexpr Delta& add(std::uint64_t sum) noexcept {
        sum_ = add_carry(sum_, sum);
        return *this;
    }

    constexpr Delta& remove(std::uint64_t sum) noexcept { return add(~sum); }

    [[nodiscard]] constexpr std::uint16_t full(std::uint16_t checksum) const noexcept {
        const auto before = static_cast<std::uint16_t>(~checksum);
        return static_cast<std::uint16_t>(~fold(add_carry(sum_, before)));
    }

    [[nodiscard]] constexpr std::uint16_t partial(std::uint16_t pseudo) const noexcept {
        return fold(add_carry(sum_, pseudo));
    }

private:
    std::uint64_t sum_ = 0;
};

/// Source and destination as a Delta wants them.
[[nodiscard]] inline std::uint64_t address_words(const Ipv6Header& header) noexcept {
    const auto [a, b] = header.source.halves();
    const auto [c, d] = header.destination.halves();
    return add_carry(add_carry(a.value(), b.value()), add_carry(c.value(), d.value()));
}

[[nodiscard]] inline std::uint64_t address_words(const Ipv4Header& header) noexcept {
    return std::uint64_t{header.source.bits.value()} + header.destination.bits.value();
}

[[nodiscard]] inline std::uint64_t address_words(const Outgoing4& outgoing) noexcept {
    return std::uint64_t{outgoing.source.address.bits()} + outgoing.destination.address.bits();
}

[[nodiscard]] inline std::uint64_t address_words(const Outgoing6& outgoing) noexcept {
    const auto& source = outgoing.source.address;
    const auto& destination = outgoing.destination.address;
    return add_carry(add_carry(source.high(), source.low()),
                     add_carry(destination.high(), destination.low()));
}

// ---- TCP and UDP ----

constexpr std::size_t checksum_offset(std::uint8_t protocol) noexcept {
    return protocol == kProtoTcp ? offsetof(TcpHeader, checksum)
                                 : offsetof(UdpHeader, checksum);
}

constexpr std::uint32_t both(Port source, Port destination) noexcept {
    return std::uint32_t{source.value()} << 16 | destination.value();
}

/// What a checksum of this kind loses when addresses and ports change, and what it gets. A
/// partial one does not cover ports.
template <typename Addresses>
[[nodiscard]] constexpr std::uint64_t
summed(const Addresses& addresses, std::uint32_t ports, ChecksumKind kind) noexcept {
    const auto words = address_words(addresses);
    return kind == ChecksumKind::Full ? add_carry(words, ports) : words;
}

/// Updates the checksum field of TCP or UDP. A UDP checksum of zero means that there is none
/// (RFC 768) and stays. One that becomes zero is sent as 0xffff, its other representation.
inline void
update_checksum(Be16& checksum, bool udp, const Delta& delta, ChecksumKind kind) noexcept {
    const auto before = checksum.value();
    if (kind == ChecksumKind::Partial) {
        checksum = delta.partial(before);
        return;
    }
    if (udp && before == 0) return;
    const auto updated = delta.full(before);
    checksum = udp && updated == 0 ? std::uint16_t{0xffff} : updated;
}

/// Ports and checksum. In a quoted packet the checksum of TCP may be missing (RFC 792 quotes
/// eight bytes).
template <typename Header, typename Outgoing>
[[gnu::always_inline]] inline void update_tcp_udp(std::span<std::byte> transport,
                                                  std::uint8_t protocol,
                                                  const Header& header,
                                                  const Outgoing& outgoing,
                                                  ChecksumKind kind) noexcept {
    auto& ports = overlay<Be32>(transport);
    const auto ports_after = both(outgoing.source.port, outgoing.destination.port);
    const auto delta = Delta{}
                           .remove(summed(header, ports.value(), kind))
                           .add(summed(outgoing, ports_after, kind));
    ports = ports_after;
    const auto offset = checksum_offset(protocol);
    if (offset + sizeof(Be16) <= transport.size())
        update_checksum(overlay<Be16>(transport, offset), protocol == kProtoUdp, delta, kind);
}

/// Rewrites the header of TCP or UDP at the start of `transport`.
[[gnu::always_inline]] inline void tcp_udp_to_ipv4(std::span<std::byte> transport,
                                                   const PacketView& view,
                                                   const Outgoing4& outgoing,
                                                   ChecksumKind checksum) noexcept {
    update_tcp_udp(transport, view.protocol, view.ipv6(), outgoing, checksum);
}

[[gnu::always_inline]] inline void tcp_udp_to_ipv6(std::span<std::byte> transport,
                                                   const PacketView& view,
                                                   const Outgoing6& outgoing,
                                                   ChecksumKind checksum) noexcept {
    update_tcp_udp(transport, view.protocol, view.ipv4(), outgoing, checksum);
}

// ---- any of the three ----

/// Rewrites the transport header at the start of `transport` (TCP, UDP or ICMPv6 query).
void transport_to_ipv4(std::span<std::byte> transport,
                       const PacketView& view,
                       const Outgoing4& outgoing,
                       const TransportContext& context) noexcept;

/// Rewrites the transport header at the start of `transport` (TCP, UDP or ICMPv4 query). A UDP
/// checksum of zero stays zero: see missing_udp_checksum().
void transport_to_ipv6(std::span<std::byte> transport,
                       const PacketView& view,
                       const Outgoing6& outgoing,
                       const TransportContext& context) noexcept;

/// RFC 768: the sender left the checksum out. Not for fragments.
[[nodiscard]] inline bool misses_udp_checksum(const PacketView& view,
                                              const Offload& offload) noexcept {
    return view.protocol == kProtoUdp && !offload.partial_checksum && !view.is_fragment() &&
           view.udp().checksum.value() == 0;
}

/// RFC 7915 §4.5: sums a UDP datagram (header and payload, with the ports it leaves with) and
/// fills its checksum in.
void sum_udp(std::span<std::byte> datagram,
             const Ipv6Addr& source,
             const Ipv6Addr& destination) noexcept;

} // namespace nat64::rfc7915
