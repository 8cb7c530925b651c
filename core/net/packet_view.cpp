// SPDX-License-Identifier: Apache-2.0
// parse_packet(): IP header, IPv4 options or IPv6 extension headers, fragmentation, transport
// header, in this order, each step checked against the bytes that are there and against what
// the length field says. Packets without options and extension headers, which is nearly all of
// them, pass without a loop. Every loop is bounded by kMaxExtensionHeaders or the 40 bytes of
// options.
#include "core/net/packet_view.hpp"

#include "core/net/bytes.hpp"
#include "core/net/checksum.hpp"
#include "core/net/headers.hpp"
#include "core/net/packet_buffer.hpp"
#include "core/net/transport.hpp"
#include "core/verdict.hpp"

#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>
#include <span>

namespace nat64 {

namespace {

/// Why not, or nothing: what each step of the parser answers.
using Failure = std::optional<DropReason>;

constexpr std::uint8_t byte_at(std::span<const std::byte> bytes, std::size_t i) noexcept {
    return std::to_integer<std::uint8_t>(bytes[i]);
}

// ---- transport ----

Failure
parse_tcp(PacketView& view, std::span<const std::byte> transport, bool quoted) noexcept {
    if (transport.size() < sizeof(TcpHeader)) {
        if (!quoted) return DropReason::BadTransportHeader;
        if (transport.size() >= 14) view.tcp_flags = byte_at(transport, 13);
        return {};
    }
    const auto& tcp = overlay<TcpHeader>(transport);
    view.tcp_flags = tcp.flags;
    const std::size_t header = std::size_t{tcp.data_offset} >> 4 << 2;
    if (!quoted && (header < sizeof(TcpHeader) || header > transport.size()))
        return DropReason::BadTransportHeader;
    return {};
}

/// A length smaller than the IP payload is legal: RFC 9868 puts options behind it.
Failure
check_udp(const PacketView& view, std::span<const std::byte> transport, bool quoted) noexcept {
    if (quoted) return {};
    const std::size_t length = overlay<UdpHeader>(transport).length.value();
    if (length < sizeof(UdpHeader) || (length > transport.size() && !view.is_fragment()))
        return DropReason::BadTransportHeader;
    return {};
}

void parse_icmp(PacketView& view, std::span<const std::byte> transport) noexcept {
    const auto& icmp = overlay<IcmpHeader>(transport);
    view.icmp_type = icmp.type;
    view.icmp_code = icmp.code;
    if (!view.is_echo()) return;
    view.source_port = overlay<Be16>(transport, 4).value();
    view.destination_port = view.source_port;
}

/// `view` is complete but for the transport fields.
Failure parse_transport(PacketView& view, bool quoted) noexcept {
    L4Proto protocol{};
    if (!view.has_transport_header() || !view.l4(protocol)) return {};
    const auto transport = view.transport();
    if (transport.size() < 8) return DropReason::BadTransportHeader;
    if (protocol == L4Proto::Icmp) {
        parse_icmp(view, transport);
        return {};
    }
    view.source_port = overlay<Be16>(transport).value();
    view.destination_port = overlay<Be16>(transport, 2).value();
    return protocol == L4Proto::Tcp ? parse_tcp(view, transport, quoted)
                                    : check_udp(view, transport, quoted);
}

/// `size` is that of the fragment's data, `headers` that of the headers in front of it that the
/// reassembled packet will have and its length field counts.
[[gnu::noinline]] Failure
check_fragment(const PacketView& view, std::size_t size, std::size_t headers) noexcept {
    if (size == 0 || (view.more_fragments && size % 8 != 0)) return DropReason::BadFragment;
    if (headers + view.fragment_offset + size > kMaxPacket) return DropReason::BadFragment;
    return {};
}

// ---- IPv4 ----

constexpr std::uint8_t kOptionEnd = 0;
constexpr std::uint8_t kOptionNop = 1;
constexpr std::uint8_t kOptionLooseSourceRoute = 131;
constexpr std::uint8_t kOptionStrictSourceRoute = 137;

/// RFC 791 §3.1: a source route is exhausted when its pointer is greater than its length.
/// False if the option is malformed.
bool parse_source_route(PacketView& view, std::span<const std::byte> option) noexcept {
    if (option.size() < 3) return false;
    const std::size_t pointer = byte_at(option, 2);
    if (pointer < 4) return false;
    if (pointer <= option.size()) view.source_route = true;
    return true;
}

/// RFC 791 §3.1. False if an option is malformed.
[[gnu::noinline]] bool parse_options(PacketView& view,
                                     std::span<const std::byte> options) noexcept {
    while (!options.empty()) {
        const auto type = byte_at(options, 0);
        if (type == kOptionEnd) return true;
        if (type == kOptionNop) {
            options = options.subspan(1);
            continue;
        }
        if (options.size() < 2) return false;
        const std::size_t length = byte_at(options, 1);
        if (length < 2 || length > options.size()) return false;
        if ((type == kOptionLooseSourceRoute || type == kOptionStrictSourceRoute) &&
            !parse_source_route(view, options.first(length)))
            return false;
        options = options.subspan(length);
    }
    return true;
}

bool header_checksum_is_right(std::span<const std::byte> header) noexcept {
    if (header.size() == sizeof(Ipv4Header))
        return ipv4_header_sum(header.first<sizeof(Ipv4Header)>()) == 0xffff;
    return ChecksumSum{}.add(header).folded() == 0xffff;
}

void read_ipv4_fields(PacketView& view, const Ipv4Header& header) noexcept {
    const auto fragment = header.flags_fragment.value();
    view.family = Family::V4;
    view.protocol = header.protocol;
    view.traffic_class = header.tos;
    view.hop_limit = header.ttl;
    view.dont_fragment = (fragment & Ipv4Header::kDontFragment) != 0;
    view.more_fragments = (fragment & Ipv4Header::kMoreFragments) != 0;
    view.fragment_offset =
        static_cast<std::uint16_t>((fragment & Ipv4Header::kOffsetMask) << 3);
    view.fragment_id = header.identification.value();
}

Failure parse_ipv4(PacketView& view, std::span<const std::byte> bytes, bool quoted) noexcept {
    if (bytes.size() < sizeof(Ipv4Header)) return DropReason::Truncated;
    const auto& header = overlay<Ipv4Header>(bytes);
    const std::size_t header_size = std::size_t{header.version_ihl & 0x0fU} * 4;
    const std::size_t length = header.total_length.value();
    if (header_size < sizeof(Ipv4Header) || length < header_size)
        return DropReason::BadIpv4Header;
    if (bytes.size() < (quoted ? header_size : length)) return DropReason::Truncated;
    if (!quoted && !header_checksum_is_right(bytes.first(header_size)))
        return DropReason::BadIpv4Checksum;
    view.bytes = length < bytes.size() ? bytes.first(length) : bytes;
    view.length = static_cast<std::uint32_t>(length);
    view.transport_offset = static_cast<std::uint16_t>(header_size);
    read_ipv4_fields(view, header);
    if (header_size != sizeof(Ipv4Header) &&
        !parse_options(view,
                       bytes.subspan(sizeof(Ipv4Header), header_size - sizeof(Ipv4Header))))
        return DropReason::BadIpv4Header;
    if (view.is_fragment()) [[unlikely]] {
        if (const auto bad = check_fragment(view, length - header_size, header_size))
            return bad;
    }
    return parse_transport(view, quoted);
}

// ---- IPv6 ----

constexpr bool is_extension_header(std::uint8_t protocol) noexcept {
    return protocol == kProtoHopByHop || protocol == kProtoRouting ||
           protocol == kProtoFragment || protocol == kProtoDestinationOptions;
}

/// RFC 8200 §4.5. The header has been checked to be here.
Failure parse_fragment_header(PacketView& view, std::size_t offset) noexcept {
    if (view.has_fragment_header) return DropReason::BadExtensionHeader;
    const auto& header = overlay<Ipv6FragmentHeader>(view.bytes, offset);
    const auto offset_more = header.offset_more.value();
    view.has_fragment_header = true;
    view.fragment_header_offset = static_cast<std::uint16_t>(offset);
    view.fragment_offset = offset_more & 0xfff8;
    view.more_fragments = (offset_more & 1) != 0;
    view.fragment_id = header.identification.value();
    if (!view.is_fragment()) return {};
    const auto data = offset + sizeof(Ipv6FragmentHeader);
    return check_fragment(view, view.length - data, offset - sizeof(Ipv6Header));
}

/// RFC 8200 §4.4: where a routing header stands that is not finished, if any.
void note_routing_header(PacketView& view, std::size_t offset) noexcept {
    constexpr std::size_t kSegmentsLeft = 3;
    if (view.segments_left_offset == 0 && byte_at(view.bytes, offset + kSegmentsLeft) != 0)
        view.segments_left_offset = static_cast<std::uint16_t>(offset + kSegmentsLeft);
}

/// Steps over one extension header at `offset` that is known to be one. Returns its size in
/// bytes, which lies inside the packet.
std::expected<std::size_t, DropReason>
step_over(PacketView& view, std::size_t offset, bool quoted) noexcept {
    constexpr std::size_t kUnit = 8;
    const auto cut = quoted && view.length > view.bytes.size() ? DropReason::Truncated
                                                               : DropReason::BadExtensionHeader;
    if (view.bytes.size() - offset < kUnit) return std::unexpected(cut);
    if (view.protocol == kProtoFragment) {
        if (const auto bad = parse_fragment_header(view, offset)) return std::unexpected(*bad);
        return kUnit;
    }
    const auto& header = overlay<Ipv6ExtensionHeader>(view.bytes, offset);
    const auto size = (std::size_t{header.length} + 1) * kUnit;
    if (view.bytes.size() - offset < size) return std::unexpected(cut);
    if (view.protocol == kProtoRouting) note_routing_header(view, offset);
    return size;
}

/// RFC 8200 §4.1: a hop-by-hop header may stand directly behind the IPv6 header only.
[[gnu::noinline]] Failure walk_extension_headers(PacketView& view, bool quoted) noexcept {
    std::size_t offset = sizeof(Ipv6Header);
    for (unsigned count = 0; is_extension_header(view.protocol); ++count) {
        const bool misplaced = view.protocol == kProtoHopByHop && count != 0;
        if (count == kMaxExtensionHeaders || misplaced) return DropReason::BadExtensionHeader;
        const auto size = step_over(view, offset, quoted);
        if (!size) return size.error();
        view.protocol = byte_at(view.bytes, offset);
        offset += *size;
        if (view.fragment_offset != 0) break;
    }
    view.transport_offset = static_cast<std::uint16_t>(offset);
    return {};
}

Failure parse_ipv6(PacketView& view, std::span<const std::byte> bytes, bool quoted) noexcept {
    if (bytes.size() < sizeof(Ipv6Header)) return DropReason::Truncated;
    const auto& header = overlay<Ipv6Header>(bytes);
    const std::size_t length = sizeof(Ipv6Header) + header.payload_length.value();
    if (!quoted && bytes.size() < length) return DropReason::Truncated;
    view.bytes = length < bytes.size() ? bytes.first(length) : bytes;
    view.length = static_cast<std::uint32_t>(length);
    view.family = Family::V6;
    view.protocol = header.next_header;
    view.traffic_class =
        static_cast<std::uint8_t>(header.version_class_flow.value() >> 20 & 0xff);
    view.hop_limit = header.hop_limit;
    view.transport_offset = sizeof(Ipv6Header);
    if (is_extension_header(view.protocol)) [[unlikely]] {
        if (const auto bad = walk_extension_headers(view, quoted)) return bad;
    }
    return parse_transport(view, quoted);
}

} // namespace

std::expected<PacketView, DropReason> parse_packet(std::span<const std::byte> bytes,
                                                   Completeness completeness) noexcept {
    std::expected<PacketView, DropReason> result;
    const bool quoted = completeness == Completeness::Quoted;
    Failure bad = DropReason::Truncated;
    if (!bytes.empty()) {
        switch (ip_version(bytes)) {
        case 4:
            bad = parse_ipv4(*result, bytes, quoted);
            break;
        case 6:
            bad = parse_ipv6(*result, bytes, quoted);
            break;
        default:
            bad = DropReason::BadVersion;
        }
    }
    if (bad) result = std::unexpected(*bad);
    return result;
}

} // namespace nat64
