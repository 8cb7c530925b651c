// SPDX-License-Identifier: Apache-2.0
// ICMPv4 errors to ICMPv6 errors (RFC 7915 §4.2, §4.3), the mirror image of
// icmpv6_to_icmpv4.cpp. The message is cut to 1280 bytes (RFC 4443 §2.4 c), so it never needs a
// fragment. Inside, a quoted UDP datagram without checksum stays without: its payload is not
// all here, and who gets the error looks at addresses and ports.
#include "core/net/bytes.hpp"
#include "core/net/checksum.hpp"
#include "core/net/headers.hpp"
#include "core/net/packet_buffer.hpp"
#include "core/net/packet_view.hpp"
#include "core/rfc7915/icmp_types.hpp"
#include "core/rfc7915/ip_headers.hpp"
#include "core/rfc7915/ipv4_to_ipv6.hpp"
#include "core/rfc7915/mtu.hpp"
#include "core/rfc7915/quote.hpp"
#include "core/rfc7915/rfc7915.hpp"
#include "core/rfc7915/transport.hpp"

#include <algorithm>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <span>

namespace nat64::rfc7915 {

namespace {

constexpr std::size_t kHeaders = sizeof(Ipv6Header) + sizeof(IcmpHeader);
/// RFC 4884 §4.4: the length field of ICMPv6 counts 64-bit words.
constexpr std::size_t kLengthUnit = 8;

/// Translates as much of the quoted packet as fits into `room`; returns its size.
std::size_t write_quoted(std::span<std::byte> room,
                         std::span<const std::byte> datagram,
                         const PacketView& quoted,
                         const Outgoing6& outgoing) noexcept {
    write_headers(room, ipv6_fields(quoted, outgoing), quoted);
    const auto behind = room.subspan(ipv6_headers_size(quoted));
    auto transport = datagram.subspan(quoted.transport_offset);
    transport = transport.first(std::min(transport.size(), behind.size()));
    std::ranges::copy(transport, behind.begin());
    if (quoted.has_transport_header())
        transport_to_ipv6(
            behind.first(transport.size()),
            quoted,
            outgoing,
            {.checksum = ChecksumKind::Full, .length = quoted.transport_length()});
    return ipv6_headers_size(quoted) + transport.size();
}

/// The four bytes behind the checksum.
std::uint32_t rest_of(const MappedError& error,
                      const BodyLayout& body,
                      const PacketView& view,
                      const PacketView& quoted,
                      const Settings& settings) noexcept {
    switch (error.field) {
    case ErrorField::Length:
        return std::uint32_t{body.length_field} << 24;
    case ErrorField::Mtu: {
        const auto advertised = overlay<Be16>(view.transport(), offsetof(IcmpHeader, rest) + 2);
        return mtu_to_ipv6(advertised.value(), quoted.length, settings);
    }
    case ErrorField::Pointer:
        return error.pointer;
    }
    return 0;
}

void write_icmp(std::span<std::byte> message,
                const MappedError& error,
                std::uint32_t rest,
                const Outgoing6& outgoing) noexcept {
    auto& header = overlay<IcmpHeader>(message);
    header.type = error.type;
    header.code = error.code;
    header.checksum = 0;
    overlay<Be32>(message, offsetof(IcmpHeader, rest)) = rest;
    header.checksum = pseudo_header(outgoing.source.address,
                                    outgoing.destination.address,
                                    kProtoIcmpv6,
                                    static_cast<std::uint32_t>(message.size()))
                          .add(message)
                          .checksum();
}

Ipv6Fields outer_fields(const PacketView& view,
                        const Outgoing6& outgoing,
                        const Settings& settings,
                        CountHop count_hop) noexcept {
    Ipv6Fields fields;
    fields.traffic_class = settings.dscp_to_ipv6(view.traffic_class);
    fields.hop_limit = next_hop_limit(view.hop_limit, settings.hop_policy, count_hop);
    fields.next_header = kProtoIcmpv6;
    fields.source = outgoing.source.address;
    fields.destination = outgoing.destination.address;
    return fields;
}

} // namespace

void icmpv4_error_to_icmpv6(PacketBuffer& packet,
                            const PacketView& view,
                            const PacketView& quoted,
                            const Outgoing6& outgoing,
                            const Outgoing6& quoted_outgoing,
                            const Settings& settings,
                            CountHop count_hop,
                            Scratch& scratch) noexcept {
    const auto rest = overlay<Be32>(view.transport(), offsetof(IcmpHeader, rest)).value();
    const auto mapped = map_icmpv4_error(view.icmp_type, view.icmp_code, rest);
    assert(mapped); // check_ipv4_to_ipv6() has asked
    const auto room = std::span{scratch.storage}.first(kMinIpv6Mtu);
    const auto body_room = room.subspan(kHeaders);

    const auto quote = split_quote(view, quoted);
    const auto size = write_quoted(body_room, quote.datagram, quoted, quoted_outgoing);
    const bool extended = mapped->field == ErrorField::Length;
    const auto extension = extended ? quote.extension : std::span<const std::byte>{};
    const auto body = append_extension(body_room, size, extension, kLengthUnit);

    auto fields = outer_fields(view, outgoing, settings, count_hop);
    fields.payload_length = static_cast<std::uint16_t>(sizeof(IcmpHeader) + body.size);
    const auto message = room.first(kHeaders + body.size);
    write_header(message, fields);
    write_icmp(message.subspan(sizeof(Ipv6Header)),
               *mapped,
               rest_of(*mapped, body, view, quoted, settings),
               outgoing);
    replace_contents(packet, message);
}

} // namespace nat64::rfc7915
