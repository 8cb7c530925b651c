// SPDX-License-Identifier: Apache-2.0
// A delta is a ones' complement sum of what is new and of the complement of what is old (RFC
// 1624 eqn. 3). TCP and UDP have the same protocol number, length and payload on both sides, so
// only addresses and ports differ; ICMP has a pseudo-header on the IPv6 side only (RFC 4443
// §2.3).
#include "core/rfc7915/transport.hpp"

#include "core/net/address.hpp"
#include "core/net/bytes.hpp"
#include "core/net/checksum.hpp"
#include "core/net/headers.hpp"
#include "core/net/packet_buffer.hpp"
#include "core/net/packet_view.hpp"
#include "core/net/transport.hpp"
#include "core/refusal.hpp"
#include "core/rfc7915/rfc7915.hpp"

#include <cassert>
#include <cstddef>
#include <cstdint>
#include <span>

namespace nat64::rfc7915 {

namespace {

/// What changes in the data of a checksum, as a sum modulo 65535 that is folded once, at the
/// end. What goes is subtracted as a whole: kModulus is a multiple of 65535 that no sum of the
/// words seen here exceeds (eight addresses' words and a few more).
class Delta {
public:
    constexpr Delta& add(std::uint64_t sum) noexcept {
        sum_ += sum;
        return *this;
    }

    constexpr Delta& remove(std::uint64_t sum) noexcept {
        sum_ += kModulus - sum;
        return *this;
    }

    [[nodiscard]] constexpr ChecksumSum sum() const noexcept {
        return ChecksumSum{}
            .add32(static_cast<std::uint32_t>(sum_))
            .add32(static_cast<std::uint32_t>(sum_ >> 32));
    }

    [[nodiscard]] constexpr std::uint16_t full(std::uint16_t checksum) const noexcept {
        return sum().add(static_cast<std::uint16_t>(~checksum)).checksum();
    }

    [[nodiscard]] constexpr std::uint16_t partial(std::uint16_t pseudo) const noexcept {
        return sum().add(pseudo).folded();
    }

private:
    static constexpr std::uint64_t kModulus = std::uint64_t{0xffff} << 32;

    std::uint64_t sum_ = 0;
};

constexpr std::uint64_t words(Ipv4Addr a) noexcept {
    return a.bits();
}

constexpr std::uint64_t words(const Ipv6Addr& a) noexcept {
    const auto high = a.high();
    const auto low = a.low();
    return (high >> 32) + (high & 0xffffffff) + (low >> 32) + (low & 0xffffffff);
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
                    Delta delta,
                    ChecksumKind kind) noexcept {
    auto& ports = overlay<Be32>(transport);
    const auto ports_before = ports.value();
    ports = ports_after;
    const auto offset = checksum_offset(protocol);
    if (offset + sizeof(Be16) > transport.size()) return;
    auto& checksum = overlay<Be16>(transport, offset);
    if (kind == ChecksumKind::Partial) {
        checksum = delta.partial(checksum.value());
        return;
    }
    const bool udp = protocol == kProtoUdp;
    if (udp && checksum.value() == 0) return;
    const auto updated = delta.add(ports_after).remove(ports_before).full(checksum.value());
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
                  Delta delta) noexcept {
    auto& header = overlay<IcmpHeader>(transport);
    auto& id = overlay<Be16>(transport, offsetof(IcmpHeader, rest));
    delta.add(std::uint64_t{type} << 8).remove(std::uint64_t{header.type} << 8);
    delta.add(identifier.value()).remove(id.value());
    header.type = type;
    id = identifier.value();
    header.checksum = delta.full(header.checksum.value());
}

/// RFC 8200 §8.1, without folding.
constexpr std::uint64_t icmpv6_pseudo_header(std::uint64_t addresses,
                                             std::uint32_t length) noexcept {
    return addresses + length + kProtoIcmpv6;
}

} // namespace

void transport_to_ipv4(std::span<std::byte> transport,
                       const PacketView& view,
                       const Outgoing4& outgoing,
                       const TransportContext& context) noexcept {
    const auto& ip = view.ipv6();
    const auto before = words(ip.source.value()) + words(ip.destination.value());
    if (view.protocol == kProtoIcmpv6) {
        const auto delta = Delta{}.remove(icmpv6_pseudo_header(before, context.length));
        const auto type = query_to_ipv4(view.icmp_type);
        return update_query(transport, type, outgoing.source.port, delta);
    }
    const auto after = words(outgoing.source.address) + words(outgoing.destination.address);
    const auto ports = both(outgoing.source.port, outgoing.destination.port);
    const auto delta = Delta{}.add(after).remove(before);
    update_tcp_udp(transport, view.protocol, ports, delta, context.checksum);
}

void transport_to_ipv6(std::span<std::byte> transport,
                       const PacketView& view,
                       const Outgoing6& outgoing,
                       const TransportContext& context) noexcept {
    const auto after = words(outgoing.source.address) + words(outgoing.destination.address);
    if (view.protocol == kProtoIcmp) {
        const auto delta = Delta{}.add(icmpv6_pseudo_header(after, context.length));
        const auto type = query_to_ipv6(view.icmp_type);
        return update_query(transport, type, outgoing.source.port, delta);
    }
    const auto& ip = view.ipv4();
    const auto before = words(ip.source.value()) + words(ip.destination.value());
    const auto ports = both(outgoing.source.port, outgoing.destination.port);
    const auto delta = Delta{}.add(after).remove(before);
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
