// SPDX-License-Identifier: Apache-2.0
// ICMP queries, which have a pseudo-header on the IPv6 side only (RFC 4443 §2.3), and what must
// be summed.
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

} // namespace

void transport_to_ipv4(std::span<std::byte> transport,
                       const PacketView& view,
                       const Outgoing4& outgoing,
                       const TransportContext& context) noexcept {
    if (view.protocol != kProtoIcmpv6)
        return tcp_udp_to_ipv4(transport, view, outgoing, context.checksum);
    const auto type = query_to_ipv4(view.icmp_type);
    const auto delta = Delta{}
                           .remove(address_words(view.ipv6()))
                           .remove(std::uint64_t{context.length} + kProtoIcmpv6);
    update_query(transport, type, outgoing.source.port, delta);
}

void transport_to_ipv6(std::span<std::byte> transport,
                       const PacketView& view,
                       const Outgoing6& outgoing,
                       const TransportContext& context) noexcept {
    if (view.protocol != kProtoIcmp)
        return tcp_udp_to_ipv6(transport, view, outgoing, context.checksum);
    const auto type = query_to_ipv6(view.icmp_type);
    const auto delta =
        Delta{}.add(address_words(outgoing)).add(std::uint64_t{context.length} + kProtoIcmpv6);
    update_query(transport, type, outgoing.source.port, delta);
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
