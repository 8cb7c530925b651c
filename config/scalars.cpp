// SPDX-License-Identifier: Apache-2.0
// Strict parsing of the small texts in a configuration.
#include "config/scalars.hpp"

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <system_error>
#include <vector>

#include <fmt/format.h>

namespace nat64::config {

namespace {

std::optional<Port> parse_port(std::string_view text) {
    const auto value = parse_integer(text);
    if (!value || *value == 0 || *value > 65535) return std::nullopt;
    return Port{static_cast<std::uint16_t>(*value)};
}

/// "0:6464" as numbers of 16 bits.
std::optional<std::vector<std::uint16_t>> parse_groups(std::string_view text) {
    std::vector<std::uint16_t> groups;
    while (true) {
        const auto colon = text.find(':');
        const auto group = text.substr(0, colon);
        std::uint16_t value = 0;
        const auto* const end = group.data() + group.size();
        const auto result = std::from_chars(group.data(), end, value, 16);
        if (result.ec != std::errc{} || result.ptr != end || group.size() > 4 ||
            groups.size() == 6)
            return std::nullopt;
        groups.push_back(value);
        if (colon == std::string_view::npos) return groups;
        text.remove_prefix(colon + 1);
    }
}

} // namespace

std::expected<std::uint64_t, std::string_view> parse_integer(std::string_view text) {
    if (text.starts_with("0x") || text.starts_with("0X") || text.starts_with("0o"))
        return std::unexpected{"is not a decimal number"};
    if (text.empty() || !std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; }))
        return std::unexpected{"is not a whole number"};
    if (text.size() > 1 && text[0] == '0')
        return std::unexpected{"has a leading zero, which some read as octal"};
    std::uint64_t value = 0;
    const auto result = std::from_chars(text.data(), text.data() + text.size(), value);
    if (result.ec != std::errc{}) return std::unexpected{"is too large"};
    return value;
}

std::optional<PortRange> parse_ports(std::string_view text) {
    const auto dash = text.find('-');
    const auto first = parse_port(text.substr(0, dash));
    const auto last =
        dash == std::string_view::npos ? first : parse_port(text.substr(dash + 1));
    if (!first || !last || *last < *first) return std::nullopt;
    return PortRange{*first, *last};
}

std::optional<Endpoint4> parse_endpoint4(std::string_view text) {
    const auto colon = text.find(':');
    const auto address = Ipv4Addr::parse(text.substr(0, colon));
    if (!address) return std::nullopt;
    if (colon == std::string_view::npos) return Endpoint4{*address, Port{}};
    const auto port = parse_port(text.substr(colon + 1));
    if (!port) return std::nullopt;
    return Endpoint4{*address, *port};
}

std::optional<Endpoint6> parse_endpoint6(std::string_view text) {
    if (!text.starts_with('[')) {
        const auto address = Ipv6Addr::parse(text);
        if (!address) return std::nullopt;
        return Endpoint6{*address, Port{}};
    }
    const auto close = text.find("]:");
    if (close == std::string_view::npos) return std::nullopt;
    const auto address = Ipv6Addr::parse(text.substr(1, close - 1));
    const auto port = parse_port(text.substr(close + 2));
    if (!address || !port) return std::nullopt;
    return Endpoint6{*address, *port};
}

std::expected<Prefix6, std::string> join_prefix(const Prefix6& within,
                                                std::string_view suffix) {
    const auto groups = parse_groups(suffix);
    if (!groups)
        return std::unexpected{
            fmt::format("suffix '{}' is not a list of hexadecimal groups", suffix)};
    Ipv6Addr::Bytes bytes{};
    // Groups end at bit 96, that is at byte 12.
    auto at = 12 - 2 * groups->size();
    for (const auto group : *groups) {
        bytes[at++] = static_cast<std::uint8_t>(group >> 8);
        bytes[at++] = static_cast<std::uint8_t>(group & 0xff);
    }
    if (within.length() >= 96 || Ipv6Addr{bytes}.truncated(within.length()) != Ipv6Addr{})
        return std::unexpected{fmt::format(
            "suffix '{}' does not fit between {} and bit 96", suffix, within.to_string())};
    const auto& site = within.address().bytes();
    for (std::size_t i = 0; i < bytes.size(); ++i)
        bytes[i] |= site[i];
    return Prefix6{Ipv6Addr{bytes}, 96};
}

} // namespace nat64::config
