// SPDX-License-Identifier: Apache-2.0
// Reads a packet as a person would with the RFC open, header by header.
#include "tests/support/describe.hpp"

#include "tests/support/bytes.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <string>
#include <string_view>

#include <arpa/inet.h>

namespace nat64::test {

namespace {

Layout read_ipv4(View packet) {
    Layout layout;
    layout.version = 4;
    layout.transport = std::size_t{get8(packet, 0) & 15U} * 4;
    layout.length = get16(packet, 2);
    layout.identification = get16(packet, 4);
    layout.more_fragments = (get16(packet, 6) & 0x2000) != 0;
    layout.fragment_offset = std::size_t{get16(packet, 6) & 0x1fffU} * 8;
    layout.protocol = get8(packet, 9);
    if (layout.transport < 20 || layout.transport > packet.size())
        layout.problem = "IPv4 header length";
    return layout;
}

bool is_extension(unsigned protocol) {
    return protocol == 0 || protocol == 43 || protocol == 44 || protocol == 60;
}

Layout read_ipv6(View packet) {
    Layout layout;
    layout.version = 6;
    layout.length = 40 + std::size_t{get16(packet, 4)};
    layout.protocol = get8(packet, 6);
    layout.transport = 40;
    while (is_extension(layout.protocol) && layout.fragment_offset == 0) {
        const auto at = layout.transport;
        if (at + 8 > packet.size()) {
            layout.problem = "extension header cut short";
            return layout;
        }
        const bool fragment = layout.protocol == 44;
        layout.protocol = get8(packet, at);
        layout.transport += fragment ? 8 : 8 + std::size_t{get8(packet, at + 1)} * 8;
        if (!fragment) continue;
        layout.fragment_header = at;
        layout.fragment_offset = get16(packet, at + 2) & 0xfff8U;
        layout.more_fragments = (get16(packet, at + 2) & 1) != 0;
        layout.identification = get32(packet, at + 4);
    }
    if (layout.transport > packet.size()) layout.problem = "extension header cut short";
    return layout;
}

std::string address(View bytes) {
    std::array<char, INET6_ADDRSTRLEN> text{};
    inet_ntop(bytes.size() == 4 ? AF_INET : AF_INET6, bytes.data(), text.data(), text.size());
    return text.data();
}

std::string number(std::string_view name, std::size_t value) {
    return ' ' + std::string{name} + ' ' + std::to_string(value);
}

std::string hex16(View packet, std::size_t at) {
    return hex(packet.subspan(at, 2));
}

std::string describe_ip(View packet, const Layout& layout) {
    const bool v4 = layout.version == 4;
    std::string text = v4 ? "IPv4 " : "IPv6 ";
    text += address(v4 ? packet.subspan(12, 4) : packet.subspan(8, 16)) + " > " +
            address(v4 ? packet.subspan(16, 4) : packet.subspan(24, 16));
    text += number(v4 ? "ttl" : "hl", get8(packet, v4 ? 8 : 7));
    text += number(v4 ? "tos" : "tc", v4 ? get8(packet, 1) : get16(packet, 0) >> 4 & 0xffU);
    if (!v4) text += number("flow", get32(packet, 0) & 0xfffff);
    text += number("len", layout.length);
    if (v4 && (get16(packet, 6) & 0x4000) != 0) text += " DF";
    if (v4 || layout.fragment_header != 0) text += number("id", layout.identification);
    if (layout.is_fragment()) text += number("offset", layout.fragment_offset);
    if (layout.more_fragments) text += " MF";
    if (layout.transport > (v4 ? 20U : 40U))
        text += " headers [" +
                hex(packet.subspan(v4 ? 20 : 40, layout.transport - (v4 ? 20 : 40))) + ']';
    return text;
}

std::string tcp_flags(unsigned flags) {
    constexpr std::string_view kNames = "FSRPAUEC";
    std::string text;
    for (std::size_t i = 0; i < kNames.size(); ++i)
        if ((flags >> i & 1U) != 0) text += kNames[i];
    return text;
}

/// The transport header at the start of `data` as text, and its size.
std::string describe_transport(View data, const Layout& layout, std::size_t& size) {
    const auto ports = [&] {
        return std::to_string(get16(data, 0)) + " > " + std::to_string(get16(data, 2));
    };
    size = 8;
    if (layout.protocol == 17)
        return "UDP " + ports() + number("len", get16(data, 4)) + " sum " + hex16(data, 6);
    if (layout.protocol == 1 || layout.protocol == 58)
        return "ICMP" + number("type", get8(data, 0)) + number("code", get8(data, 1)) +
               " sum " + hex16(data, 2) + " rest " + hex(data.subspan(4, 4));
    if (layout.protocol == 6 && data.size() >= 20) {
        size = std::clamp<std::size_t>(get8(data, 12) / 16U * 4U, 20, data.size());
        return "TCP " + ports() + " [" + tcp_flags(get8(data, 13)) + ']' +
               number("seq", get32(data, 4)) + number("ack", get32(data, 8)) + " sum " +
               hex16(data, 16) +
               (size > 20 ? " options " + hex(data.subspan(20, size - 20)) : "");
    }
    size = 0;
    return "protocol " + std::to_string(layout.protocol);
}

} // namespace

Layout read_layout(View packet) {
    const auto version = packet.empty() ? 0U : get8(packet, 0) >> 4U;
    if (version == 4 && packet.size() >= 20) return read_ipv4(packet);
    if (version == 6 && packet.size() >= 40) return read_ipv6(packet);
    Layout layout;
    layout.problem = "no IP header";
    return layout;
}

std::string describe(View packet) {
    const auto layout = read_layout(packet);
    if (!layout.problem.empty()) return layout.problem + ": " + hex(packet, 64);
    auto text = describe_ip(packet, layout);
    auto data = packet.subspan(layout.transport);
    if (layout.fragment_offset == 0 && data.size() >= 8) {
        std::size_t size = 0;
        text += " | " + describe_transport(data, layout, size);
        data = data.subspan(size);
    }
    return text + " | " + std::to_string(data.size()) + " bytes " + hex(data, 64);
}

} // namespace nat64::test
