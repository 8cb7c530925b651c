// SPDX-License-Identifier: Apache-2.0
// One function a link header, one table of them. Headers are those of
// https://www.tcpdump.org/linktypes.html.
#include "cli/link_layer.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <string_view>

#include <pcap/dlt.h>

namespace nat64::cli {

namespace {

using Frame = std::span<const std::byte>;

constexpr std::uint16_t kIpv4 = 0x0800;
constexpr std::uint16_t kIpv6 = 0x86dd;
constexpr unsigned kMostTags = 4;

std::uint16_t word(Frame frame, std::size_t at) {
    return static_cast<std::uint16_t>(std::to_integer<unsigned>(frame[at]) << 8 |
                                      std::to_integer<unsigned>(frame[at + 1]));
}

bool is_vlan_tag(std::uint16_t type) {
    return type == 0x8100 || type == 0x88a8 || type == 0x9100;
}

/// `type_at` is where the Ethernet type stands, `begin` where the payload does. Behind a VLAN
/// type come two bytes of tag and the next type.
std::optional<Frame> behind_type(Frame frame, std::size_t type_at, std::size_t begin) {
    if (frame.size() < begin) return std::nullopt;
    auto type = word(frame, type_at);
    for (unsigned tags = 0; is_vlan_tag(type) && tags < kMostTags; ++tags) {
        if (frame.size() < begin + 4) return std::nullopt;
        type = word(frame, begin + 2);
        begin += 4;
    }
    if (type != kIpv4 && type != kIpv6) return std::nullopt;
    return frame.subspan(begin);
}

std::optional<Frame> raw_ip(Frame frame) {
    return frame;
}

std::optional<Frame> ethernet(Frame frame) {
    return behind_type(frame, 12, 14);
}

std::optional<Frame> linux_cooked(Frame frame) {
    return behind_type(frame, 14, 16);
}

std::optional<Frame> linux_cooked2(Frame frame) {
    return behind_type(frame, 0, 20);
}

/// Four bytes of address family, in the byte order of the machine that captured (DLT_NULL) or
/// of the network (DLT_LOOP): the one byte that is not zero. IPv6 has a number of its own on
/// each system.
std::optional<Frame> loopback(Frame frame) {
    if (frame.size() < 4 || frame[1] != std::byte{0} || frame[2] != std::byte{0})
        return std::nullopt;
    const auto family = std::to_integer<unsigned>(frame[0] | frame[3]);
    constexpr std::array kFamilies{2U, 10U, 24U, 28U, 30U};
    if (std::ranges::find(kFamilies, family) == kFamilies.end()) return std::nullopt;
    return frame.subspan(4);
}

struct LinkLayer {
    int type;
    std::string_view name;
    TakeIp take_ip;
};

constexpr std::array<LinkLayer, 8> kLinkLayers{{
    {DLT_RAW, "RAW (raw IP)", raw_ip},
    {DLT_IPV4, "IPV4", raw_ip},
    {DLT_IPV6, "IPV6", raw_ip},
    {DLT_EN10MB, "EN10MB (Ethernet)", ethernet},
    {DLT_LINUX_SLL, "LINUX_SLL", linux_cooked},
    {DLT_LINUX_SLL2, "LINUX_SLL2", linux_cooked2},
    {DLT_NULL, "NULL (loopback)", loopback},
    {DLT_LOOP, "LOOP (OpenBSD loopback)", loopback},
}};

} // namespace

TakeIp find_link_layer(int link_type) noexcept {
    const auto* const row = std::ranges::find(kLinkLayers, link_type, &LinkLayer::type);
    return row == kLinkLayers.end() ? nullptr : row->take_ip;
}

std::string supported_link_layers() {
    std::string names;
    for (const auto& row : kLinkLayers) {
        if (!names.empty()) names += ", ";
        names += row.name;
    }
    return names;
}

} // namespace nat64::cli
