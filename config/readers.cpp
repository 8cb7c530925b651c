// SPDX-License-Identifier: Apache-2.0
// Reading keys that hold one value each.
#include "config/readers.hpp"

#include "config/duration.hpp"
#include "config/log_level.hpp"
#include "config/nearest.hpp"
#include "config/profiles.hpp"
#include "config/scalars.hpp"
#include "config/yaml_tree.hpp"
#include "core/napt_settings.hpp"
#include "core/rfc6052.hpp"
#include "core/rfc7915/rfc7915.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <utility>

#include <fmt/format.h>

namespace nat64::config::read {

namespace {

constexpr int kFewestSharedPorts = 64;

template <typename Value, std::size_t N>
using Words = std::array<std::pair<std::string_view, Value>, N>;

/// One of a few words, or nullopt after complaining.
template <typename Value, std::size_t N>
std::optional<Value> choice(const Node& node, Reader& reader, const Words<Value, N>& words) {
    std::array<std::string_view, N> names;
    for (std::size_t i = 0; i < N; ++i) {
        names[i] = words[i].first;
        if (node.is_scalar() && node.text == names[i]) return words[i].second;
    }
    const auto near = node.is_scalar() ? nearest_word(names, node.text) : std::string_view{};
    if (near.empty())
        reader.complain(node, "is not one of the choices");
    else
        reader.complain(
            node, "is not one of the choices", fmt::format("did you mean {}?", near));
    return std::nullopt;
}

void mtu(const Node& node, Reader& reader, std::uint32_t lowest, Mtu& value) {
    if (const auto bytes = integer(node, reader, lowest, 65535)) value = Mtu{*bytes};
}

void dscp(const Node& node, Reader& reader, rfc7915::Dscp& value) {
    if (node.is_scalar() && !node.quoted && node.text == "copy")
        value = {};
    else if (const auto codepoint = parse_integer(node.text);
             node.is_scalar() && !node.quoted && codepoint && *codepoint < 64)
        value = rfc7915::Dscp::fixed(static_cast<std::uint8_t>(*codepoint));
    else
        reader.complain(node, "is no codepoint", "write copy, or a number from 0 to 63");
}

bool is_name_character(char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           c == '.' || c == '_' || c == '-';
}

/// sun_path has 108 bytes, the last is the end of the string.
bool is_socket_path(std::string_view text) {
    return text.starts_with('/') && !text.ends_with('/') && text.size() <= 107;
}

std::optional<ListenAddress> parse_listen(std::string_view text) {
    constexpr std::string_view kUnix = "unix:";
    if (text.starts_with(kUnix)) {
        text.remove_prefix(kUnix.size());
        if (is_socket_path(text)) return std::filesystem::path{text};
        return std::nullopt;
    }
    if (const auto endpoint = parse_endpoint4(text); endpoint && endpoint->port != Port{})
        return *endpoint;
    if (const auto endpoint = parse_endpoint6(text); endpoint && endpoint->port != Port{})
        return *endpoint;
    return std::nullopt;
}

} // namespace

std::optional<std::uint32_t>
integer(const Node& node, Reader& reader, std::uint32_t lowest, std::uint32_t highest) {
    const auto range = fmt::format("write a decimal number from {} to {}", lowest, highest);
    if (!node.is_scalar() || node.quoted) {
        reader.complain(node, "is not a number", range + ", without quotes");
        return std::nullopt;
    }
    const auto value = parse_integer(node.text);
    if (!value) {
        reader.complain(node, std::string{value.error()}, range);
        return std::nullopt;
    }
    if (*value < lowest || *value > highest) {
        reader.complain(node, "is out of range", range);
        return std::nullopt;
    }
    return static_cast<std::uint32_t>(*value);
}

std::optional<bool> boolean(const Node& node, Reader& reader) {
    if (node.is_scalar() && !node.quoted && node.text == "true") return true;
    if (node.is_scalar() && !node.quoted && node.text == "false") return false;
    reader.complain(node, "is not a boolean", "write true or false");
    return std::nullopt;
}

std::optional<Clock::duration> duration(const Node& node, Reader& reader) {
    const auto value = node.is_scalar() ? parse_duration(node.text) : std::nullopt;
    if (!value)
        reader.complain(
            node, "is not a duration", "write it like 90s, 5m or 2h4m (units d, h, m, s, ms)");
    return value;
}

void version(const Node& node, Reader& reader) {
    if (node.is_scalar() && !node.quoted && node.text == "1") return;
    reader.complain(node, "is not a version that this program knows", "write 1");
}

/// What it means has been put into the draft before any other key was read.
void profile(const Node& node, Reader& reader) {
    if (node.is_scalar() && find_profile(node.text)) return;
    reader.complain(node, "is no profile", fmt::format("there are: {}", profile_names()));
}

void mycelium_api(const Node& node, Reader& reader) {
    const auto api4 = node.is_scalar() ? parse_endpoint4(node.text) : std::nullopt;
    const auto api6 = node.is_scalar() ? parse_endpoint6(node.text) : std::nullopt;
    if ((!api4 || api4->port == Port{}) && (!api6 || api6->port == Port{}))
        return reader.complain(node, "is not an address with a port");
    reader.draft.config.mycelium.api = node.text;
}

void mycelium_suffix(const Node& node, Reader& reader) {
    // Any subnet of 64 bits serves to try it.
    const Prefix6 subnet{Ipv6Addr::from_halves(0x0400'0000'0000'0001, 0), 64};
    const auto joined = node.is_scalar() ? join_prefix(subnet, node.text)
                                         : std::unexpected{std::string{"is not a text"}};
    if (!joined) return reader.complain(node, joined.error(), "write it like 0:6464");
    if (!rfc6052::Nat64Prefix::from(*joined))
        return reader.complain(node,
                               "has bits set in its first octet",
                               "bits 64 to 71 of a NAT64 prefix are zero (RFC 6052 §2.2)");
    reader.draft.config.mycelium.suffix = node.text;
}

void mycelium_poll(const Node& node, Reader& reader) {
    const auto value = duration(node, reader);
    if (!value) return;
    if (*value < std::chrono::seconds{1} || *value > std::chrono::hours{1})
        return reader.complain(node, "is out of range", "write 1s to 1h");
    reader.draft.config.mycelium.poll = *value;
}

void wkp_strict(const Node& node, Reader& reader) {
    if (const auto value = boolean(node, reader))
        reader.draft.config.translator.wkp_strict = *value;
}

void napt(const Node& node, Reader& reader) {
    static constexpr Words<NaptMode, 3> kWords{{
        {"daemon", NaptMode::Daemon},
        {"kernel", NaptMode::Kernel},
        {"siit", NaptMode::Siit},
    }};
    const auto value = choice(node, reader, kWords);
    if (!value) return;
    reader.draft.napt = value;
    if (*value == NaptMode::Siit)
        reader.complain(node,
                        "is not yet supported by this version",
                        "write `napt: daemon` and give it addresses with `pool:`, or `napt: "
                        "kernel`");
}

void gateway_ipv4(const Node& node, Reader& reader) {
    const auto address = node.is_scalar() ? Ipv4Addr::parse(node.text) : std::nullopt;
    if (!address) return reader.complain(node, "is not an IPv4 address");
    reader.draft.gateway = *address;
}

void tun_name(const Node& node, Reader& reader) {
    const auto& name = node.text;
    const auto good = node.is_scalar() && !name.empty() && name.size() <= 15 && name != "." &&
                      name != ".." && std::ranges::all_of(name, is_name_character);
    if (!good) return reader.complain(node, "is not the name of a network device");
    reader.draft.config.tun.name = name;
}

void tun_offload(const Node& node, Reader& reader) {
    static constexpr Words<OffloadMode, 2> kWords{
        {{"auto", OffloadMode::Auto}, {"off", OffloadMode::Off}}};
    if (const auto value = choice(node, reader, kWords))
        reader.draft.config.tun.offload = *value;
}

void mtu_ipv6(const Node& node, Reader& reader) {
    mtu(node, reader, 1280, reader.draft.config.translator.rfc7915.ipv6_mtu);
}

void mtu_ipv4(const Node& node, Reader& reader) {
    mtu(node, reader, 68, reader.draft.config.translator.rfc7915.ipv4_mtu);
}

void mtu_lowest_ipv6(const Node& node, Reader& reader) {
    mtu(node, reader, 1280, reader.draft.config.translator.rfc7915.lowest_ipv6_mtu);
}

void mtu_clamp_mss(const Node& node, Reader& reader) {
    if (const auto value = boolean(node, reader))
        reader.draft.config.translator.rfc7915.clamp_mss = *value;
}

void dscp_to_ipv4(const Node& node, Reader& reader) {
    dscp(node, reader, reader.draft.config.translator.rfc7915.dscp_to_ipv4);
}

void dscp_to_ipv6(const Node& node, Reader& reader) {
    dscp(node, reader, reader.draft.config.translator.rfc7915.dscp_to_ipv6);
}

void timeouts_fragments(const Node& node, Reader& reader) {
    const auto value = duration(node, reader);
    if (!value) return;
    if (*value < std::chrono::seconds{2} || *value > std::chrono::minutes{1})
        return reader.complain(node, "is out of range", "write 2s to 1m");
    reader.draft.config.translator.fragment_timeout = *value;
}

void timeouts_unsafe(const Node& node, Reader& reader) {
    if (const auto value = boolean(node, reader)) reader.draft.timeouts_unsafe = *value;
}

void filtering(const Node& node, Reader& reader) {
    static constexpr Words<Filtering, 2> kWords{{
        {"endpoint-independent", Filtering::EndpointIndependent},
        {"address-dependent", Filtering::AddressDependent},
    }};
    if (const auto value = choice(node, reader, kWords))
        reader.draft.config.napt.filtering = *value;
}

void shared_ports(const Node& node, Reader& reader) {
    const auto ports = node.is_scalar() ? parse_ports(node.text) : std::nullopt;
    if (!ports) return reader.complain(node, "is not a range of ports");
    if (ports->last.value() - ports->first.value() + 1 < kFewestSharedPorts)
        return reader.complain(node, "is too narrow a range");
    reader.draft.config.napt.shared_ports = *ports;
}

void conntrack_ipv6(const Node& node, Reader& reader) {
    static constexpr Words<TrackIpv6, 2> kWords{
        {{"track", TrackIpv6::Yes}, {"notrack", TrackIpv6::No}}};
    if (const auto value = choice(node, reader, kWords))
        reader.draft.config.napt.track_ipv6 = *value;
}

void icmp_rate(const Node& node, Reader& reader) {
    if (const auto value = integer(node, reader, 0, 1'000'000))
        reader.draft.config.translator.icmp_errors_per_second = *value;
}

void control_socket(const Node& node, Reader& reader) {
    if (!node.is_scalar() || !is_socket_path(node.text))
        return reader.complain(node, "is not the path of a socket");
    reader.draft.config.control.socket = node.text;
}

void control_group(const Node& node, Reader& reader) {
    if (!node.is_scalar() || node.text.size() > 32 ||
        !std::ranges::all_of(node.text, is_name_character))
        return reader.complain(node, "is not the name of a group");
    reader.draft.config.control.group = node.text;
    reader.draft.config.control.group_is_default = false;
}

void metrics_listen(const Node& node, Reader& reader) {
    auto address = node.is_scalar() ? parse_listen(node.text) : std::nullopt;
    if (!address)
        return reader.complain(node,
                               "is no place to listen",
                               "write it like \"127.0.0.1:9464\", \"[::1]:9464\" or "
                               "unix:/run/nat64/metrics.sock");
    reader.draft.config.metrics.listen = std::move(*address);
}

void log_level(const Node& node, Reader& reader) {
    if (const auto value = choice(node, reader, kLogLevels))
        reader.draft.config.log.level = *value;
}

void log_format(const Node& node, Reader& reader) {
    static constexpr Words<LogFormat, 2> kWords{
        {{"text", LogFormat::Text}, {"json", LogFormat::Json}}};
    if (const auto value = choice(node, reader, kWords))
        reader.draft.config.log.format = *value;
}

void log_bindings(const Node& node, Reader& reader) {
    if (const auto value = boolean(node, reader)) reader.draft.config.log.bindings = *value;
}

void log_sessions(const Node& node, Reader& reader) {
    if (const auto value = boolean(node, reader)) reader.draft.config.log.sessions = *value;
}

void log_destinations(const Node& node, Reader& reader) {
    if (const auto value = boolean(node, reader)) reader.draft.config.log.destinations = *value;
}

} // namespace nat64::config::read
