// SPDX-License-Identifier: Apache-2.0
// ICMPv6 errors to ICMPv4 errors (RFC 7915 §5.2, §5.3). The message is built anew in the
// scratch buffer, from the outside in, and then takes the packet's place: outer header, ICMP
// header, quoted packet (translated like any other, but with its hop limit as it is),
// extension. It is cut to 576 bytes (RFC 1812 §4.3.2.3), so it never needs a fragment.
#include "core/net/bytes.hpp"
#include "core/net/checksum.hpp"
#include "core/net/headers.hpp"
#include "core/net/packet_buffer.hpp"
#include "core/net/packet_view.hpp"
#include "core/rfc7915/icmp_types.hpp"
#include "core/rfc7915/ip_headers.hpp"
#include "core/rfc7915/ipv6_to_ipv4.hpp"
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

constexpr std::size_t kLargestError = 576;
constexpr std::size_t kHeaders = sizeof(Ipv4Header) + sizeof(IcmpHeader);
/// RFC 4884 §4.1: the length field of ICMPv4 counts 32-bit words.
constexpr std::size_t kLengthUnit = 4;

/// Translates as much of the quoted packet as fits into `room`; returns its size.
std::size_t write_quoted(std::span<std::byte> room,
                         std::span<const std::byte> datagram,
                         const PacketView& quoted,
                         const Outgoing4& outgoing,
                         Identification& identification) noexcept {
    auto fields = ipv4_fields(quoted, outgoing, quoted.transport_length());
    if (!quoted.has_fragment_header) fields.identification = identification.next();
    write_header(room, fields);
    const auto behind = room.subspan(sizeof(Ipv4Header));
    auto transport = datagram.subspan(quoted.transport_offset);
    transport = transport.first(std::min(transport.size(), behind.size()));
    std::ranges::copy(transport, behind.begin());
    if (quoted.has_transport_header())
        transport_to_ipv4(
            behind.first(transport.size()),
            quoted,
            outgoing,
            {.checksum = ChecksumKind::Full, .length = quoted.transport_length()});
    return sizeof(Ipv4Header) + transport.size();
}

/// The four bytes behind the checksum.
std::uint32_t rest_of(const MappedError& error,
                      const BodyLayout& body,
                      const PacketView& view,
                      const PacketView& quoted,
                      const Settings& settings) noexcept {
    switch (error.field) {
    case ErrorField::Length:
        return std::uint32_t{body.length_field} << 16;
    case ErrorField::Mtu: {
        const auto advertised = overlay<Be32>(view.transport(), offsetof(IcmpHeader, rest));
        return mtu_to_ipv4(advertised.value(), quoted, settings);
    }
    case ErrorField::Pointer:
        return std::uint32_t{error.pointer} << 24;
    }
    return 0;
}

void write_icmp(std::span<std::byte> message,
                const MappedError& error,
                std::uint32_t rest) noexcept {
    auto& header = overlay<IcmpHeader>(message);
    header.type = error.type;
    header.code = error.code;
    header.checksum = 0;
    overlay<Be32>(message, offsetof(IcmpHeader, rest)) = rest;
    header.checksum = ChecksumSum{}.add(message).checksum();
}

Ipv4Fields outer_fields(const PacketView& view,
                        const Outgoing4& outgoing,
                        const Settings& settings,
                        Identification& identification) noexcept {
    Ipv4Fields fields;
    fields.tos = settings.dscp_to_ipv4(view.traffic_class);
    fields.ttl = next_hop_limit(view.hop_limit, settings.hop_policy, CountHop::Yes);
    fields.protocol = kProtoIcmp;
    fields.identification = identification.next();
    fields.source = outgoing.source.address;
    fields.destination = outgoing.destination.address;
    return fields;
}

} // namespace

void icmpv6_error_to_icmpv4(PacketBuffer& packet,
                            const PacketView& view,
                            const PacketView& quoted,
                            const Outgoing4& outgoing,
                            const Outgoing4& quoted_outgoing,
                            const Settings& settings,
                            Identification& identification,
                            Scratch& scratch) noexcept {
    const auto rest = overlay<Be32>(view.transport(), offsetof(IcmpHeader, rest)).value();
    const auto mapped = map_icmpv6_error(view.icmp_type, view.icmp_code, rest);
    assert(mapped); // check_ipv6_to_ipv4() has asked
    const auto room = std::span{scratch.storage}.first(kLargestError);
    const auto body_room = room.subspan(kHeaders);

    const auto quote = split_quote(view, quoted);
    const auto size =
        write_quoted(body_room, quote.datagram, quoted, quoted_outgoing, identification);
    const bool extended = mapped->field == ErrorField::Length;
    const auto extension = extended ? quote.extension : std::span<const std::byte>{};
    const auto body = append_extension(body_room, size, extension, kLengthUnit);

    auto fields = outer_fields(view, outgoing, settings, identification);
    fields.total_length = static_cast<std::uint16_t>(kHeaders + body.size);
    const auto message = room.first(fields.total_length);
    write_header(message, fields);
    write_icmp(message.subspan(sizeof(Ipv4Header)),
               *mapped,
               rest_of(*mapped, body, view, quoted, settings));
    replace_contents(packet, message);
}

} // namespace nat64::rfc7915
