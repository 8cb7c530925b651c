// SPDX-License-Identifier: Apache-2.0
// Text only.
#include "daemon/announce.hpp"

#include "config/config.hpp"
#include "config/policy_text.hpp"
#include "config/profiles.hpp"
#include "core/counters.hpp"
#include "core/napt_settings.hpp"
#include "core/net/special_addresses.hpp"
#include "core/policy.hpp"
#include "core/rfc7915/rfc7915.hpp"
#include "core/translator.hpp"
#include "platform/tun_device.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

namespace nat64::daemon {

namespace {

std::string pool_line(std::span<const PoolItem> pool) {
    constexpr std::size_t kShown = 8;
    std::uint64_t addresses = 0;
    for (const auto& item : pool)
        addresses += item.prefix.size();
    std::string text = fmt::format("pool of {} addresses:", addresses);
    for (const auto& item : pool.first(std::min(pool.size(), kShown)))
        text += " " + item.prefix.to_string();
    if (pool.size() > kShown) text += fmt::format(" and {} more", pool.size() - kShown);
    return text;
}

std::string inner_pool_line(const config::Config& config) {
    // NOLINTNEXTLINE(bugprone-unchecked-optional-access): chosen by now, if not given
    const auto& pool = config.napt.inner_pool.value();
    return fmt::format(
        "kernel NAPT on this machine's own addresses; {} clients at a time stand "
        "behind {}",
        pool.size() - 3, // first, last, and the gateway's own
        pool.to_string());
}

std::string interface_line(const config::Config& config, const platform::TunDevice& tun) {
    const auto& features = tun.features;
    const char* offloads = "no offloads";
    if (features.udp_segmentation)
        offloads = "TCP and UDP segmentation offload";
    else if (features.tcp_segmentation)
        offloads = "TCP segmentation offload (UDP's needs Linux 6.2)";
    else if (features.partial_checksum)
        offloads = "checksum offload only";
    return fmt::format("interface {}: MTU {}, {}", tun.name, config.tun.mtu.bytes(), offloads);
}

std::string mtu_line(const rfc7915::Settings& mtu) {
    return fmt::format("MTU {} on the IPv6 side (DF=0 packets are cut to {}), {} on the IPv4 "
                       "side",
                       mtu.ipv6_mtu.bytes(),
                       mtu.lowest_ipv6_mtu.bytes(),
                       mtu.ipv4_mtu.bytes());
}

/// What a profile has chosen, or the file instead of it.
std::vector<std::string> profile_lines(const config::Config& config) {
    const auto name = config::name_of(config.profile);
    const auto& limits = config.napt.limits;
    const bool daemon = config.napt_mode == config::NaptMode::Daemon;
    std::string clients;
    for (const auto& prefix : config.policy.clients_allow)
        clients += (clients.empty() ? "" : ", ") + prefix.to_string();
    std::string denied;
    for (const auto& rule : config.policy.destinations_deny)
        denied += ", " + config::describe(rule);
    return {fmt::format("profile {}: clients of {}, each /{} of them counts as one",
                        name,
                        clients.empty() ? "nowhere" : clients,
                        limits.client_prefix),
            fmt::format("profile {}: not to be reached: this machine{}{}",
                        name,
                        config.policy.private_destinations == PrivateDestinations::Refused
                            ? ", private ranges"
                            : "",
                        denied),
            daemon ? fmt::format("profile {}: a client has at most {} sessions, {} ports, {} "
                                 "half-open connections, {} new sessions a second (0: no "
                                 "limit); all together {} half-open, {} new a second",
                                 name,
                                 limits.sessions_per_client,
                                 limits.ports_per_client,
                                 limits.half_open_per_client,
                                 limits.new_sessions_per_second,
                                 limits.half_open,
                                 limits.new_sessions_per_second_in_all)
                   : fmt::format("profile {}: a client has at most {} addresses in use, each "
                                 "of them {} connections, {} new ones a second (0: no limit)",
                                 name,
                                 limits.addresses_per_client,
                                 limits.sessions_per_client,
                                 limits.new_sessions_per_second)};
}

/// Where the gateway may be represented under the prefix (RFC 6052 §3.1), that is its address
/// on the IPv6 side too.
std::string gateway_line(const TranslatorSettings& settings) {
    const auto& gateway4 = settings.gateway4;
    const bool strict = settings.prefix.is_well_known() && settings.wkp_strict;
    auto gateway6 = settings.gateway6;
    if (gateway4 && (!strict || is_global(*gateway4)))
        gateway6 = settings.prefix.embed(*gateway4);
    return fmt::format("ICMP errors of our own come from {} and {}",
                       gateway4 ? gateway4->to_string() : "no IPv4 address",
                       gateway6 ? gateway6->to_string() : "no IPv6 address");
}

std::uint64_t sum(std::span<const Counter> counters) noexcept {
    std::uint64_t total = 0;
    for (const auto& counter : counters)
        total += counter.value();
    return total;
}

} // namespace

std::vector<std::string> describe_start(const config::Config& config,
                                        const platform::TunDevice& tun) {
    std::vector<std::string> lines{
        fmt::format("prefix {}", config.translator.prefix.to_string()),
        config.napt_mode == config::NaptMode::Kernel ? inner_pool_line(config)
                                                     : pool_line(config.napt.pool),
        interface_line(config, tun),
        mtu_line(config.translator.rfc7915),
        gateway_line(config.translator),
        fmt::format("control socket {}", config.control.socket.native())};
    if (const auto& listen = config.metrics.listen)
        lines.push_back(fmt::format("metrics for Prometheus at {}, path /metrics",
                                    config::to_string(*listen)));
    if (config.profile != config::Profile::None)
        for (auto& line : profile_lines(config))
            lines.push_back(std::move(line));
    return lines;
}

std::string describe_end(const Counters& counters) {
    return fmt::format("{} packets received, {} sent, {} dropped; {} sessions",
                       counters.received.value(),
                       counters.emitted.value(),
                       sum(counters.drops),
                       sum(counters.sessions_created));
}

} // namespace nat64::daemon
