// SPDX-License-Identifier: Apache-2.0
// A delta is a ones' complement sum of what is new and of the complement of what is old (RFC
// 1624 eqn. 3). TCP and UDP have the same protocol number, length and payload on both sides, so
// only addresses and ports differ; ICMP has a pseudo-header on the IPv6 side only (RFC 4443
// §2.3).
#include "core/rfc7915/transport.hpp"

#include "core/net/bytes.hpp"
#include "core/net/checksum.hpp"
#include "core/net/headers.hpp"
#include "core/refusal.hpp"

#include <cassert>
#include <cstddef>
#include <cstdint>

namespace nat64::rfc7915 {

namespace {

// ---- what the addresses contribute ----

struct Addresses4 {
    Ipv4Addr source;
    Ipv4Addr destination;
};

struct Addresses6 {
    const Ipv6Addr& source;
    const Ipv6Addr& destination;
};

ChecksumSum sum_of(const Addresses4& a) noexcept {
    return ChecksumSum{}.add(a.source).add(a.destination);
}

ChecksumSum sum_of(const Addresses6& a) noexcept {
    return ChecksumSum{}.add(a.source).add(a.destination);
}

// ---- TCP and UDP ----

constexpr std::size_t checksum_offset(std::uint8_t protocol) noexcept {
    return protocol == kProtoTcp ? offsetof(TcpHeader, checksum)
                                 : offsetof(UdpHeader, checksum);
}

/// Ports and checksum. In a quoted packet the checksum of TCP may be missing (RFC 792 quotes
/// eight bytes); a UDP checksum of zero means that there is none (RFC 768) and stays. One that
/// becomes zero is sent as 0xffff, its other representation.
void update_tcp_udp(std::span<std::byte> transport,
                    std::uint8_t protocol,
                    std::uint32_t ports_after,
                    ChecksumSum delta,
                    ChecksumKind kind) noexcept {
    auto& ports = overlay<Be32>(transport);
    const auto ports_before = ports.value();
    ports = ports_after;
    const auto offset = checksum_offset(protocol);
    if (offset + sizeof(Be16) > transport.size()) return;
    auto& checksum = overlay<Be16>(transport, offset);
    if (kind == ChecksumKind::Partial) {
        checksum = update_partial(checksum.value(), delta.folded());
        return;
    }
    const bool udp = protocol == kProtoUdp;
    if (udp && checksum.value() == 0) return;
    delta.add32(ports_after).add32(~ports_before);
    const auto updated = update_full(checksum.value(), delta.folded());
    checksum = udp && updated == 0 ? std::uint16_t{0xffff} : updated;
}

constexpr std::uint32_t both(Port source, Port destination) noexcept {
    return std::uint32_t{source.value()} << 16 | destination.value();
}

// ---- ICMP queries ----

constexpr std::uint8_t query_to_ipv4(std::uint8_t type) noexcept {
    switch (type) {
    case kIcmpv6EchoRequest:
        return kIcmpEchoRequest;
    case kIcmpv6EchoReply:
        return kIcmpEchoReply;
    default:
        return type;
    }
}

constexpr std::uint8_t query_to_ipv6(std::uint8_t type) noexcept {
    switch (type) {
    case kIcmpEchoRequest:
        return kIcmpv6EchoRequest;
    case kIcmpEchoReply:
        return kIcmpv6EchoReply;
    default:
        return type;
    }
}

/// RFC 7915 §4.2, §5.2: "adjust the ICMP checksum both to take the type change into account and
/// to include (exclude) the ICMPv6 pseudo-header". `delta` brings the pseudo-header.
void update_query(std::span<std::byte> transport,
                  std::uint8_t type,
                  Port identifier,
                  ChecksumSum delta) noexcept {
    auto& header = overlay<IcmpHeader>(transport);
    auto& id = overlay<Be16>(transport, offsetof(IcmpHeader, rest));
    const auto type_before = std::uint32_t{header.type} << 8;
    delta.add32(std::uint32_t{type} << 8).add32(~type_before);
    delta.add(identifier.value()).subtract(id.value());
    header.type = type;
    id = identifier.value();
    header.checksum = update_full(header.checksum.value(), delta.folded());
}

} // namespace

void transport_to_ipv4(std::span<std::byte> transport,
                       const PacketView& view,
                       const Outgoing4& outgoing,
                       const TransportContext& context) noexcept {
    const auto& ip = view.ipv6();
    const auto source = ip.source.value();
    const auto destination = ip.destination.value();
    if (view.protocol == kProtoIcmpv6) {
        const auto pseudo = pseudo_header(source, destination, kProtoIcmpv6, context.length);
        const ChecksumSum delta = ChecksumSum{}.subtract(pseudo.folded());
        const auto type = query_to_ipv4(view.icmp_type);
        return update_query(transport, type, outgoing.source.port, delta);
    }
    const Addresses6 before{source, destination};
    const Addresses4 after{outgoing.source.address, outgoing.destination.address};
    const auto delta = sum_of(after).subtract(sum_of(before).folded());
    const auto ports = both(outgoing.source.port, outgoing.destination.port);
    update_tcp_udp(transport, view.protocol, ports, delta, context.checksum);
}

void transport_to_ipv6(std::span<std::byte> transport,
                       const PacketView& view,
                       const Outgoing6& outgoing,
                       const TransportContext& context) noexcept {
    const auto& source = outgoing.source.address;
    const auto& destination = outgoing.destination.address;
    if (view.protocol == kProtoIcmp) {
        const auto pseudo = pseudo_header(source, destination, kProtoIcmpv6, context.length);
        const auto type = query_to_ipv6(view.icmp_type);
        return update_query(transport, type, outgoing.source.port, pseudo);
    }
    const auto& ip = view.ipv4();
    const Addresses4 before{ip.source.value(), ip.destination.value()};
    const Addresses6 after{source, destination};
    const auto delta = sum_of(after).subtract(sum_of(before).folded());
    const auto ports = both(outgoing.source.port, outgoing.destination.port);
    update_tcp_udp(transport, view.protocol, ports, delta, context.checksum);
}

void sum_udp(std::span<std::byte> datagram,
             const Ipv6Addr& source,
             const Ipv6Addr& destination) noexcept {
    auto& header = overlay<UdpHeader>(datagram);
    const auto length = header.length.value();
    assert(length <= datagram.size());
    header.checksum = 0;
    const auto sum = pseudo_header(source, destination, kProtoUdp, length)
                         .add(datagram.first(length))
                         .checksum();
    header.checksum = sum == 0 ? std::uint16_t{0xffff} : sum;
}

void finish_partial_checksum(PacketBuffer& packet) noexcept {
    auto& offload = packet.offload;
    assert(offload.segmentation == Segmentation::None);
    if (!offload.partial_checksum) return;
    const auto bytes = packet.bytes();
    const std::size_t field = std::size_t{offload.checksum_start} + offload.checksum_offset;
    const auto sum = ChecksumSum{}.add(bytes.subspan(offload.checksum_start)).checksum();
    const bool udp = offload.checksum_offset == offsetof(UdpHeader, checksum);
    overlay<Be16>(bytes, field) = udp && sum == 0 ? std::uint16_t{0xffff} : sum;
    offload = {};
}

} // namespace nat64::rfc7915
