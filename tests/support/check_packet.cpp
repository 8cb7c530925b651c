// SPDX-License-Identifier: Apache-2.0
// Each check answers with what is wrong, or with nothing.
#include "tests/support/check_packet.hpp"

#include "core/net/packet_buffer.hpp"
#include "tests/support/bytes.hpp"
#include "tests/support/describe.hpp"
#include "tests/support/naive_checksum.hpp"
#include "tests/support/protocols.hpp"

#include <cstddef>
#include <cstdint>
#include <string>

namespace nat64::test {

namespace {

std::string check_ip(View packet, const Layout& layout, bool quoted) {
    if (!layout.problem.empty()) return layout.problem;
    if (quoted ? layout.length < packet.size() : layout.length != packet.size())
        return "IP length field says " + std::to_string(layout.length) + " of " +
               std::to_string(packet.size()) + " bytes";
    if (layout.length < layout.transport) return "IP length field ends inside the headers";
    if (layout.version == 4 && naive_sum(packet.first(layout.transport)) != 0xffff)
        return "IPv4 header checksum";
    if (layout.more_fragments && (layout.length - layout.transport) % 8 != 0)
        return "fragment size is no multiple of 8";
    return {};
}

bool is_icmp(const Layout& layout) {
    return layout.protocol == (layout.version == 4 ? kIcmp : kIcmpv6);
}

std::size_t checksum_field(const Layout& layout) {
    return layout.protocol == kTcp ? 16 : layout.protocol == kUdp ? 6 : 2;
}

/// The sum over a right packet's transport part is this much with the pseudo-header's.
std::uint16_t pseudo_sum(View packet, const Layout& layout) {
    if (layout.protocol == kIcmp) return 0;
    return naive_pseudo_sum(
        packet, static_cast<std::uint8_t>(layout.protocol), layout.length - layout.transport);
}

std::string check_partial_sum(View packet, const Layout& layout) {
    const auto field = get16(packet, layout.transport + checksum_field(layout));
    const auto sum = pseudo_sum(packet, layout);
    return field % 0xffff == sum % 0xffff ? "" : "partial checksum";
}

std::string check_partial(View packet, const Layout& layout, const Offload& offload) {
    if (offload.checksum_start != layout.transport ||
        offload.checksum_offset != checksum_field(layout))
        return "partial checksum in the wrong place";
    return check_partial_sum(packet, layout);
}

std::string check_checksum(View packet, const Layout& layout, const Offload& offload) {
    if (offload.partial_checksum) return check_partial(packet, layout, offload);
    const auto transport = packet.subspan(layout.transport);
    if (layout.protocol == kUdp && get16(transport, 6) == 0)
        return layout.version == 6 ? "UDP checksum of zero over IPv6" : "";
    return naive_sum(transport, pseudo_sum(packet, layout)) == 0xffff ? ""
                                                                      : "transport checksum";
}

std::string check_lengths(View transport, const Layout& layout) {
    if (layout.protocol == kTcp) {
        const auto size = transport.size() < 20 ? 0U : get8(transport, 12) / 16U * 4U;
        return size >= 20 && size <= transport.size() ? "" : "TCP header length";
    }
    if (transport.size() < 8) return "transport header cut short";
    if (layout.protocol == kUdp && get16(transport, 4) != transport.size()) return "UDP length";
    return {};
}

// ---- ICMP errors ----

bool is_error(View icmp, const Layout& layout) {
    const auto type = get8(icmp, 0);
    if (layout.version == 6) return type < 128;
    return type == 3 || type == 4 || type == 5 || type == 11 || type == 12;
}

/// RFC 4884 §4: which types may have extensions.
bool may_have_extensions(View icmp, const Layout& layout) {
    const auto type = get8(icmp, 0);
    if (layout.version == 6) return type == 1 || type == 3;
    return type == 3 || type == 11 || type == 12;
}

std::string check_extensions(View extensions) {
    if (extensions.size() < 4) return "extensions cut short";
    if (get8(extensions, 0) >> 4 != 2) return "version of extensions";
    if (get16(extensions, 2) == 0) return {};
    return naive_sum(extensions) == 0xffff ? "" : "checksum of extensions";
}

std::string check_quoted(View packet, Quotes quotes) {
    const auto layout = read_layout(packet);
    // Padding behind a packet quoted whole is for the sake of RFC 4884.
    if (layout.problem.empty() && layout.length < packet.size())
        packet = packet.first(layout.length);
    // Cut within its extension headers, it cannot be read any further.
    if (layout.version == 6 && layout.length > packet.size() && !layout.problem.empty())
        return {};
    if (auto bad = check_ip(packet, layout, true); !bad.empty()) return "quoted: " + bad;
    if (layout.length > packet.size() || layout.is_fragment()) return {};
    if (layout.protocol != kTcp && layout.protocol != kUdp && !is_icmp(layout)) return {};
    const auto transport = packet.subspan(layout.transport);
    auto bad = check_lengths(transport, layout);
    // Without checksum it came, without it stays: see core/rfc7915/icmpv4_to_icmpv6.cpp.
    if (bad.empty() && layout.protocol == kUdp && get16(transport, 6) == 0) return {};
    if (bad.empty()) bad = check_checksum(packet, layout, {});
    if (quotes == Quotes::AsTheyCame && bad == "transport checksum")
        bad = check_partial_sum(packet, layout);
    return bad.empty() ? "" : "quoted: " + bad;
}

std::string check_icmp_error(View icmp, const Layout& layout, Quotes quotes) {
    const auto unit = layout.version == 4 ? 4U : 8U;
    std::size_t quoted = get8(icmp, layout.version == 4 ? 5 : 4) * unit;
    const auto behind = icmp.subspan(8);
    if (!may_have_extensions(icmp, layout) || quoted == 0) return check_quoted(behind, quotes);
    if (quoted < 128 || quoted > behind.size()) return "RFC 4884 length";
    if (auto bad = check_extensions(behind.subspan(quoted)); !bad.empty()) return bad;
    return check_quoted(behind.first(quoted), quotes);
}

std::string check(View packet, const Offload& offload, Quotes quotes) {
    const auto layout = read_layout(packet);
    if (auto bad = check_ip(packet, layout, false); !bad.empty()) return bad;
    if (layout.is_fragment()) return {};
    if (layout.protocol != kTcp && layout.protocol != kUdp && !is_icmp(layout)) return {};
    const auto transport = packet.subspan(layout.transport);
    if (auto bad = check_lengths(transport, layout); !bad.empty()) return bad;
    if (auto bad = check_checksum(packet, layout, offload); !bad.empty()) return bad;
    if (is_icmp(layout) && is_error(transport, layout))
        return check_icmp_error(transport, layout, quotes);
    return {};
}

} // namespace

std::string check_packet(View packet, const Offload& offload, Quotes quotes) {
    const auto bad = check(packet, offload, quotes);
    return bad.empty() ? "" : bad + " in " + describe(packet);
}

} // namespace nat64::test
