// SPDX-License-Identifier: Apache-2.0
// One function a rule; static entries, which have most of them, are in static_checks.cpp.
#include "config/cross_checks.hpp"

#include "config/duration.hpp"
#include "config/inner_pool.hpp"
#include "config/schema.hpp"
#include "config/static_checks.hpp"
#include "core/napt_settings.hpp"
#include "core/net/address.hpp"
#include "core/net/special_addresses.hpp"
#include "core/policy.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <filesystem>
#include <variant>
#include <vector>

#include <fmt/format.h>

namespace nat64::config {

namespace {

struct Minimum {
    std::string_view key;
    Clock::duration Timeouts::* member;
    Clock::duration least;
};

constexpr std::array<Minimum, 4> kMinimums{{
    {"timeouts.udp", &Timeouts::udp, std::chrono::minutes{2}},
    {"timeouts.tcp_established", &Timeouts::tcp_established, std::chrono::minutes{124}},
    {"timeouts.tcp_transitory", &Timeouts::tcp_transitory, std::chrono::minutes{4}},
    {"timeouts.icmp", &Timeouts::icmp, std::chrono::seconds{60}},
}};

std::string pool_path(std::size_t index) {
    return fmt::format("pool[{}]", index);
}

/// The first address of `prefix` for which `predicate` holds. The pool is small by then.
template <typename Predicate>
std::optional<Ipv4Addr> find_address(const Prefix4& prefix, Predicate predicate) {
    for (std::uint64_t i = 0; i < prefix.size(); ++i) {
        const Ipv4Addr address{prefix.address().bits() + static_cast<std::uint32_t>(i)};
        if (predicate(address)) return address;
    }
    return std::nullopt;
}

/// A key that the mode does not honour is refused by name, never ignored.
void check_honoured(Reader& reader) {
    const auto& config = reader.draft.config;
    for (const auto& key : schema()) {
        if (is_honoured(key, config) || !reader.was_given(key.path)) continue;
        if (key.honoured == Honoured::ByMycelium)
            reader.complain_about(std::string{key.path},
                                  "means nothing without profile: mycelium",
                                  "remove it, or add the profile");
        else
            reader.complain_about(
                std::string{key.path},
                fmt::format("means nothing with napt: {}", name_of(config.napt_mode)),
                "remove it, or choose the other napt");
    }
}

void check_napt(Reader& reader) {
    auto& draft = reader.draft;
    const auto by_default = reader.was_given("pool") ? NaptMode::Daemon : NaptMode::Kernel;
    draft.config.napt_mode = draft.napt.value_or(by_default);
    check_honoured(reader);
    if (draft.config.napt_mode != NaptMode::Daemon || !draft.config.napt.pool.empty()) return;
    reader.complain_about(
        "pool",
        "napt: daemon needs addresses",
        "give `pool:` IPv4 addresses that are routed to this machine, as in `pool: "
        "[192.0.2.0/28]`, or share the machine's own with `napt: kernel`");
}

/// Addresses that no packet between two interfaces of this machine may have.
constexpr std::array kNeverForwarded{
    Prefix4{Ipv4Addr{0, 0, 0, 0}, 8},
    Prefix4{Ipv4Addr{127, 0, 0, 0}, 8},
    Prefix4{Ipv4Addr{169, 254, 0, 0}, 16},
    Prefix4{Ipv4Addr{224, 0, 0, 0}, 3},
};

void check_inner_pool(Reader& reader) {
    auto& config = reader.draft.config;
    if (!config.napt.inner_pool) {
        if (!config.napt.statics.empty())
            reader.complain_about("static",
                                  "needs inner_pool, in which its addresses lie",
                                  "write `inner_pool: 100.64.0.0/16`, for example");
        return;
    }
    const auto pool = *config.napt.inner_pool;
    if (pool.length() < 8 || pool.length() > 30)
        return reader.complain_about("inner_pool",
                                     fmt::format("has length {}", pool.length()),
                                     "give it a length of 8 to 30: each client needs an "
                                     "address of its own");
    const auto bad = std::ranges::find_if(
        kNeverForwarded, [&](const Prefix4& prefix) { return prefix.overlaps(pool); });
    if (bad != kNeverForwarded.end())
        return reader.complain_about(
            "inner_pool",
            fmt::format(
                "{} overlaps {}, which no router forwards", pool.to_string(), bad->to_string()),
            "remove the key: nat64 chooses a pool that collides with nothing");
    use_inner_pool(config, pool);
}

/// What is always refused cannot be asked for.
void check_policy(Reader& reader) {
    const auto& config = reader.draft.config;
    const auto& policy = config.policy;
    const auto strict =
        config.translator.prefix.is_well_known() && config.translator.wkp_strict;
    if (strict && policy.private_destinations == PrivateDestinations::Reachable)
        reader.complain_about(
            "destinations.private",
            "64:ff9b::/96 may represent global addresses only (RFC 6052 §3.1)",
            "use a network-specific prefix, or wkp_strict: false in a lab");
    for (std::size_t i = 0; i < policy.destinations_allow.size(); ++i) {
        const auto& prefix = policy.destinations_allow[i].prefix;
        const auto never = std::ranges::find_if(
            kNeverForwarded, [&](const Prefix4& p) { return p.contains(prefix.address()); });
        if (never != kNeverForwarded.end() && never->length() <= prefix.length())
            reader.complain_about(fmt::format("destinations.allow[{}]", i),
                                  fmt::format("no router forwards to {}", never->to_string()),
                                  "remove it: it is never reached");
    }
}

void check_prefix(Reader& reader) {
    const auto& prefix = reader.draft.config.translator.prefix;
    // What is illegal as a source does not become legal by an address being embedded.
    if (!is_illegal_source(prefix.embed(Ipv4Addr{192, 0, 2, 1}))) return;
    reader.complain_about(
        "prefix",
        fmt::format("{} is not a prefix of ordinary unicast addresses", prefix.to_string()),
        "use 64:ff9b::/96 or a prefix of your own network");
}

bool pool_is_small(Reader& reader) {
    const auto& pool = reader.draft.config.napt.pool;
    std::uint64_t total = 0;
    for (const auto& item : pool)
        total += item.prefix.size();
    if (total <= kMaxPoolAddresses) return true;
    reader.complain_about("pool",
                          fmt::format("{} addresses are too many: each needs up to 840 KiB of "
                                      "memory once its ports are in use",
                                      total),
                          fmt::format("give at most {} in all", kMaxPoolAddresses));
    return false;
}

/// Loopback, multicast and so on; and non-global addresses below the well-known prefix.
void check_pool_addresses(Reader& reader) {
    const auto& config = reader.draft.config;
    const auto strict =
        config.translator.prefix.is_well_known() && config.translator.wkp_strict;
    for (std::size_t i = 0; i < config.napt.pool.size(); ++i) {
        const auto& prefix = config.napt.pool[i].prefix;
        if (const auto bad = find_address(prefix, is_never_forwarded)) {
            reader.complain_about(pool_path(i),
                                  fmt::format("{} cannot be an address of a host on the "
                                              "Internet",
                                              bad->to_string()),
                                  "give addresses that are routed to this machine");
            continue;
        }
        const auto is_local = [](Ipv4Addr address) { return !is_global(address); };
        const auto local = strict ? find_address(prefix, is_local) : std::nullopt;
        if (local)
            reader.complain_about(
                pool_path(i),
                fmt::format("{} is not a global address, and 64:ff9b::/96 may represent global "
                            "ones only (RFC 6052 §3.1)",
                            local->to_string()),
                "use a network-specific prefix, or wkp_strict: false in a lab");
    }
}

void check_pool_overlap(Reader& reader) {
    const auto& pool = reader.draft.config.napt.pool;
    std::vector<std::size_t> order(pool.size());
    std::ranges::generate(order, [next = std::size_t{0}]() mutable { return next++; });
    // Prefixes either nest or are disjoint: sorted, an outer one stands just before its inner
    // ones.
    std::ranges::stable_sort(order, {}, [&](std::size_t i) { return pool[i].prefix; });
    for (std::size_t i = 1; i < order.size(); ++i) {
        const auto outer = std::min(order[i - 1], order[i]);
        const auto inner = std::max(order[i - 1], order[i]);
        if (!pool[outer].prefix.overlaps(pool[inner].prefix)) continue;
        reader.complain_about(pool_path(inner),
                              fmt::format("{} overlaps {} of {}",
                                          pool[inner].prefix.to_string(),
                                          pool[outer].prefix.to_string(),
                                          pool_path(outer)),
                              "give each address once");
    }
}

bool in_pool(const NaptSettings& settings, Ipv4Addr address) {
    return std::ranges::any_of(
        settings.pool, [&](const PoolItem& item) { return item.prefix.contains(address); });
}

void check_gateway(Reader& reader) {
    auto& config = reader.draft.config;
    if (!reader.draft.gateway) {
        // CHOICE(RFC 7915 §4.2): errors need a source, and the first pool address is as much
        // ours as any; it keeps its ports.
        if (!config.napt.pool.empty())
            config.translator.gateway4 = config.napt.pool.front().prefix.address();
        return;
    }
    const auto address = *reader.draft.gateway;
    config.translator.gateway4 = address;
    if (is_never_forwarded(address))
        return reader.complain_about(
            "gateway.ipv4",
            fmt::format("{} cannot be an address of a router", address.to_string()),
            "give an address that is routed to this machine");
    if (config.translator.prefix.is_well_known() && config.translator.wkp_strict &&
        !is_global(address))
        return reader.complain_about(
            "gateway.ipv4",
            fmt::format(
                "{} is not a global address, and 64:ff9b::/96 may represent global ones "
                "only (RFC 6052 §3.1)",
                address.to_string()),
            "use a network-specific prefix, or wkp_strict: false in a lab");
    if (!in_pool(config.napt, address)) return;
    config.napt.reserved = {address};
    if (config.napt.pool.size() == 1 && config.napt.pool.front().prefix.size() == 1)
        reader.complain_about(
            "gateway.ipv4",
            "would take the pool's only address",
            "remove the key: the first pool address then is the source of ICMP "
            "errors and stays in the pool");
}

void check_mtu(Reader& reader) {
    auto& config = reader.draft.config;
    const auto& sizes = config.translator.rfc7915;
    if (sizes.ipv6_mtu < sizes.lowest_ipv6_mtu)
        reader.complain_about("mtu.lowest_ipv6",
                              fmt::format("{} is more than mtu.ipv6, which is {}",
                                          sizes.lowest_ipv6_mtu.bytes(),
                                          sizes.ipv6_mtu.bytes()),
                              "make it 1280 to mtu.ipv6");
    config.tun.mtu = std::max({sizes.ipv6_mtu, sizes.ipv4_mtu, Mtu{1500}});
}

void check_timeouts(Reader& reader) {
    const auto& timeouts = reader.draft.config.napt.timeouts;
    for (const auto& minimum : kMinimums) {
        const auto value = timeouts.*minimum.member;
        const auto key = std::string{minimum.key};
        if (value == Clock::duration{})
            reader.complain_about(key, "is zero", "write at least 1s");
        else if (value < minimum.least && !reader.draft.timeouts_unsafe)
            reader.complain_about(key,
                                  fmt::format("{} is below the RFC's minimum of {}",
                                              to_string(value),
                                              to_string(minimum.least)),
                                  fmt::format("write at least {}, or add timeouts.unsafe: true",
                                              to_string(minimum.least)));
    }
}

/// Conntrack counts jiffies, up to a thousand a second, in 31 bits, and does not look whether
/// they suffice: a longer timeout has passed at once.
constexpr Clock::duration kMostOfConntrack = std::chrono::hours{24 * 24};

void check_conntrack_timeouts(Reader& reader) {
    const auto& timeouts = reader.draft.config.napt.timeouts;
    for (const auto& key : kMinimums)
        if (timeouts.*key.member > kMostOfConntrack)
            reader.complain_about(
                std::string{key.key},
                fmt::format("{} is more than the kernel can count to with napt: kernel",
                            to_string(timeouts.*key.member)),
                fmt::format("write at most {}", to_string(kMostOfConntrack)));
}

void check_log(Reader& reader) {
    const auto& log = reader.draft.config.log;
    if (log.destinations && !log.sessions && reader.draft.config.napt_mode == NaptMode::Daemon)
        reader.complain_about("log.destinations",
                              "nothing that is logged has a destination",
                              "add log.sessions: true, or remove it");
}

void check_sockets(Reader& reader) {
    const auto& config = reader.draft.config;
    if (!config.metrics.listen) return;
    const auto* const path = std::get_if<std::filesystem::path>(&*config.metrics.listen);
    if (path != nullptr && *path == config.control.socket)
        reader.complain_about(
            "metrics.listen", "it is control.socket, too", "give it a path of its own");
}

} // namespace

bool below_rfc_minimum(const Timeouts& timeouts) noexcept {
    return std::ranges::any_of(kMinimums, [&](const Minimum& minimum) {
        return timeouts.*minimum.member < minimum.least;
    });
}

void cross_check(Reader& reader) {
    check_napt(reader);
    check_prefix(reader);
    check_policy(reader);
    check_mtu(reader);
    check_timeouts(reader);
    check_log(reader);
    check_sockets(reader);
    if (reader.draft.config.napt_mode == NaptMode::Kernel) {
        check_inner_pool(reader);
        check_conntrack_timeouts(reader);
        if (reader.draft.config.translator.gateway4) check_statics(reader);
        return;
    }
    if (!pool_is_small(reader)) return;
    check_pool_addresses(reader);
    check_pool_overlap(reader);
    check_gateway(reader);
    check_statics(reader);
}

} // namespace nat64::config
