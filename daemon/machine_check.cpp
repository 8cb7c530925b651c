// SPDX-License-Identifier: Apache-2.0
// One function a question, all over the same few tables.
#include "daemon/machine_check.hpp"

#include "backends/kernel/inner_pool.hpp"
#include "config/config.hpp"
#include "core/napt_settings.hpp"
#include "core/net/address.hpp"
#include "daemon/forwarding.hpp"
#include "platform/forwarding_sysctls.hpp"
#include "platform/host_ops.hpp"
#include "platform/netlink_messages.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include <fmt/format.h>

namespace nat64::daemon {

namespace {

using config::Config;
using platform::HostOps;
using platform::IpPrefix;
using platform::LocalAddress;
using platform::RouteKind;
using platform::RouteRow;

constexpr const char* kOwnAddressRemedy =
    "the kernel would take the replies for itself: route other addresses to this machine and "
    "use those, or share this machine's own address with napt: kernel";

/// IPv6 routes without a metric of their own get this one from the kernel.
constexpr std::uint32_t kDefaultMetric6 = 1024;

class Checker {
public:
    Checker(const Config& config, HostOps& host)
        : config_{config}, host_{host}, addresses_{host.addresses()}, routes_{host.routes()} {}

    MachineReport check() {
        check_interface_name();
        check_pool();
        check_inner_pool();
        check_gateway4();
        check_prefix();
        for (const auto& prefix : routes_to_tun(config_))
            if (!is_inner_pool(prefix)) check_routes(prefix);
        check_family(platform::kForwardIpv4, "IPv4", "translated packets will not leave");
        check_family(platform::kForwardIpv6, "IPv6", "clients will not get here");
        check_forwards_alone();
        return std::move(report_);
    }

private:
    void problem(std::string key, std::string what, std::string remedy) {
        report_.problems.push_back(
            {config_.file, {}, std::move(key), std::move(what), std::move(remedy)});
    }

    [[nodiscard]] std::string where(const LocalAddress& row) const {
        return host_.link_name(row.link);
    }

    void check_interface_name() {
        const auto& name = config_.tun.name;
        if (!host_.find_link(name)) return;
        report_.taken = {config_.file,
                         {},
                         "tun.name",
                         fmt::format("an interface named {} exists already", name),
                         fmt::format("stop the program it belongs to (another nat64?), remove "
                                     "it with 'ip link del {}', or choose another name",
                                     name)};
    }

    void check_pool() {
        for (std::size_t i = 0; i < config_.napt.pool.size(); ++i) {
            const auto& prefix = config_.napt.pool[i].prefix;
            check_links(prefix);
            check_own_routes(fmt::format("pool[{}]", i), prefix);
            for (const auto& row : addresses_) {
                const auto* own = std::get_if<Ipv4Addr>(&row.address);
                if (own == nullptr || !prefix.contains(*own)) continue;
                problem(fmt::format("pool[{}]", i),
                        fmt::format("{} contains {}, an address of this machine (on {})",
                                    prefix.to_string(),
                                    own->to_string(),
                                    where(row)),
                        kOwnAddressRemedy);
            }
        }
    }

    /// Whole prefixes may be the machine's own, without an address on an interface.
    template <typename Prefix>
    void check_own_routes(const std::string& key, const Prefix& prefix) {
        for (const auto& row : routes_) {
            const auto* own = std::get_if<Prefix>(&row.destination);
            if (row.kind != RouteKind::Own || own == nullptr || !own->overlaps(prefix))
                continue;
            problem(key,
                    fmt::format("{} overlaps {}, which is this machine itself (a local route)",
                                prefix.to_string(),
                                own->to_string()),
                    fmt::format("the kernel would take the packets for itself: remove the "
                                "route ('ip route del local {}'), or use other addresses",
                                own->to_string()));
        }
    }

    /// Its addresses are to mean clients and nothing else on this machine.
    void check_inner_pool() {
        if (config_.napt_mode != config::NaptMode::Kernel) return;
        // NOLINTNEXTLINE(bugprone-unchecked-optional-access): chosen by now, if not given
        const auto& pool = config_.napt.inner_pool.value();
        const auto in_use = [&](const Prefix4& used) {
            return kernel::collides(pool, {&used, 1});
        };
        constexpr auto kRemedy = "remove inner_pool, and nat64 chooses one that collides with "
                                 "nothing, or give another one";
        for (const auto& row : addresses_) {
            const auto* own = std::get_if<Ipv4Addr>(&row.address);
            if (own == nullptr || (!in_use({*own, 32}) && !in_use({*own, row.prefix_length})))
                continue;
            problem("inner_pool",
                    fmt::format("{} overlaps {}/{}, an address of this machine (on {})",
                                pool.to_string(),
                                own->to_string(),
                                row.prefix_length,
                                where(row)),
                    kRemedy);
        }
        for (const auto& row : routes_) {
            const auto* destination = std::get_if<Prefix4>(&row.destination);
            if (destination == nullptr || !in_use(*destination) || is_connected(row) ||
                gives_way(row, pool.length()))
                continue;
            problem("inner_pool",
                    fmt::format("{} overlaps {}, to which this machine has a route (to {})",
                                pool.to_string(),
                                destination->to_string(),
                                target(row)),
                    kRemedy);
        }
    }

    [[nodiscard]] bool is_inner_pool(const IpPrefix& prefix) const {
        const auto* prefix4 = std::get_if<Prefix4>(&prefix);
        return prefix4 != nullptr && config_.napt.inner_pool == *prefix4;
    }

    /// A route that is there because of an address on the same link.
    [[nodiscard]] bool is_connected(const RouteRow& route) const {
        return std::ranges::any_of(addresses_, [&](const LocalAddress& row) {
            const auto* own = std::get_if<Ipv4Addr>(&row.address);
            return own != nullptr && route.link == row.link &&
                   route.destination == IpPrefix{Prefix4{*own, row.prefix_length}};
        });
    }

    /// Hosts on a link resolve its addresses there instead of sending packets to us.
    void check_links(const Prefix4& pool) {
        for (const auto& row : addresses_) {
            const auto* own = std::get_if<Ipv4Addr>(&row.address);
            if (own == nullptr || pool.contains(*own)) continue;
            const Prefix4 link{*own, row.prefix_length};
            if (link.length() == 0 || !link.contains(pool.address())) continue;
            report_.warnings.push_back(fmt::format(
                "{} lies inside {} on {}: hosts there will look for it on the link; route it "
                "to this machine on their routers, or have it answered with proxy ARP",
                pool.to_string(),
                link.to_string(),
                where(row)));
        }
    }

    void check_gateway4() {
        for (const auto& row : addresses_) {
            const auto* own = std::get_if<Ipv4Addr>(&row.address);
            if (own == nullptr || config_.translator.gateway4 != *own || is_in_pool(*own))
                continue;
            problem("gateway.ipv4",
                    fmt::format("{} is an address of this machine (on {})",
                                own->to_string(),
                                where(row)),
                    "use an address that no interface has: the kernel drops packets that come "
                    "in with one of its own as their source");
        }
    }

    [[nodiscard]] bool is_in_pool(Ipv4Addr address) const {
        return std::ranges::any_of(config_.napt.pool, [&](const PoolItem& item) {
            return item.prefix.contains(address);
        });
    }

    void check_prefix() {
        check_own_routes("prefix", config_.translator.prefix.prefix());
        for (const auto& row : addresses_) {
            const auto* own = std::get_if<Ipv6Addr>(&row.address);
            if (own == nullptr || !config_.translator.prefix.contains(*own)) continue;
            problem("prefix",
                    fmt::format("{} contains {}, an address of this machine (on {})",
                                config_.translator.prefix.to_string(),
                                own->to_string(),
                                where(row)),
                    "use a prefix in which this machine has no address");
        }
    }

    /// A route for the same prefix that the kernel prefers to ours, or that is in our place,
    /// keeps packets away; one for a part of it keeps some away.
    void check_routes(const IpPrefix& ours) {
        for (const auto& row : routes_) {
            if (row.destination.index() != ours.index() || row.table != kMainTable) continue;
            if (row.destination == ours) {
                check_same_destination(row);
            } else if (contains(ours, row.destination)) {
                report_.warnings.push_back(
                    fmt::format("packets for {} will not be translated: a route sends them to "
                                "{}",
                                platform::to_string(row.destination),
                                target(row)));
            }
        }
    }

    void check_same_destination(const RouteRow& row) {
        const bool is_ipv6 = std::holds_alternative<Prefix6>(row.destination);
        if (row.metric > (is_ipv6 ? kDefaultMetric6 : 0)) return; // a fallback for our absence
        const auto text = platform::to_string(row.destination);
        problem(is_ipv6 ? "prefix" : "pool",
                fmt::format("there is a route for {} already, to {}", text, target(row)),
                fmt::format("remove it ('ip route del {}'), or give it a larger metric if it "
                            "is meant for when nat64 is not running",
                            text));
    }

    [[nodiscard]] std::string target(const RouteRow& row) const {
        switch (row.kind) {
        case RouteKind::Onward:
            return row.link ? host_.link_name(*row.link) : "several next hops";
        case RouteKind::Nowhere:
            return "nowhere";
        case RouteKind::Own:
            return "itself";
        }
        return {};
    }

    static bool contains(const IpPrefix& outer, const IpPrefix& inner) {
        return std::visit(
            []<typename Outer, typename Inner>(const Outer& o, const Inner& i) {
                if constexpr (std::is_same_v<Outer, Inner>)
                    return o.length() <= i.length() && o.contains(i.address());
                else
                    return false;
            },
            outer,
            inner);
    }

    void check_family(const char* name, const char* family, const char* effect) {
        if (host_.sysctl(name)) return;
        report_.warnings.push_back(fmt::format(
            "this machine has no {} (there is no sysctl {}), so {}", family, name, effect));
    }

    /// What is off everywhere, Forwarding switches on.
    void check_forwards_alone() {
        if (const auto name = forwards_alone(host_))
            report_.warnings.push_back(fmt::format(
                "{} is 0, but {} forwards IPv4 packets: nat64 leaves that as it is, and "
                "translated packets may not pass. Run 'sysctl -w {}=1', or 0 for {}",
                platform::kForwardIpv4,
                *name,
                platform::kForwardIpv4,
                platform::interface_sysctl("ipv4", *name, "forwarding")));
    }

    static constexpr std::uint32_t kMainTable = 254;

    const Config& config_;
    HostOps& host_;
    std::vector<LocalAddress> addresses_;
    std::vector<RouteRow> routes_;
    MachineReport report_;
};

/// 2000::/3, the part of the address space that the Internet uses.
bool is_internet(const Ipv6Addr& address) noexcept {
    return address.bytes()[0] >> 5 == 1;
}

} // namespace

bool gives_way(const RouteRow& route, unsigned length) {
    return route.kind == RouteKind::Nowhere &&
           std::visit([](const auto& prefix) { return prefix.length(); }, route.destination) <
               length;
}

MachineReport check_machine(const Config& config, HostOps& host) {
    return Checker{config, host}.check();
}

std::vector<IpPrefix> routes_to_tun(const Config& config) {
    std::vector<Prefix4> wanted;
    wanted.reserve(config.napt.pool.size() + 2);
    for (const auto& item : config.napt.pool)
        wanted.push_back(item.prefix);
    if (config.napt_mode == config::NaptMode::Kernel)
        // NOLINTNEXTLINE(bugprone-unchecked-optional-access): chosen by now, if not given
        wanted.push_back(config.napt.inner_pool.value());
    if (config.translator.gateway4) wanted.emplace_back(*config.translator.gateway4, 32);
    std::ranges::sort(wanted); // by address, then length: what contains comes first

    std::vector<IpPrefix> routes{config.translator.prefix.prefix()};
    for (const auto& prefix : wanted) {
        const auto* last = std::get_if<Prefix4>(&routes.back());
        if (last == nullptr || !last->overlaps(prefix)) routes.emplace_back(prefix);
    }
    return routes;
}

std::optional<Ipv6Addr> choose_gateway6(std::span<const LocalAddress> addresses) {
    std::optional<Ipv6Addr> best;
    for (const auto& row : addresses) {
        const auto* address = std::get_if<Ipv6Addr>(&row.address);
        if (address == nullptr || !row.global || row.deprecated || row.temporary) continue;
        if (!best || (is_internet(*address) && !is_internet(*best))) best = *address;
    }
    return best;
}

} // namespace nat64::daemon
