// SPDX-License-Identifier: Apache-2.0
#include "daemon/pool_watch.hpp"

#include "core/napt_settings.hpp"
#include "core/net/address.hpp"
#include "platform/netlink_messages.hpp"

#include <algorithm>
#include <utility>
#include <variant>

#include <fmt/format.h>
#include <spdlog/spdlog.h>

namespace nat64::daemon {

namespace {

bool contains(const std::vector<PoolItem>& pool, Ipv4Addr address) {
    return std::ranges::any_of(
        pool, [&](const PoolItem& item) { return item.prefix.contains(address); });
}

std::string trouble(Ipv4Addr address) {
    return fmt::format("{} is an address of the pool and of this machine now, so the kernel "
                       "takes its replies: it is given to nobody until it is removed from the "
                       "interface ('ip addr del')",
                       address.to_string());
}

std::string gateway_trouble(Ipv4Addr address) {
    return fmt::format(
        "{} is gateway.ipv4 and an address of this machine now: the kernel drops "
        "the ICMP errors that nat64 sends with it; remove it from the interface "
        "('ip addr del')",
        address.to_string());
}

} // namespace

std::vector<Ipv4Addr> own_in_pool(const std::vector<PoolItem>& pool,
                                  std::optional<Ipv4Addr> gateway4,
                                  std::span<const platform::LocalAddress> addresses) {
    std::vector<Ipv4Addr> own;
    for (const auto& row : addresses) {
        const auto* const address = std::get_if<Ipv4Addr>(&row.address);
        if (address != nullptr && (contains(pool, *address) || gateway4 == *address))
            own.push_back(*address);
    }
    std::ranges::sort(own);
    const auto rest = std::ranges::unique(own);
    own.erase(rest.begin(), rest.end());
    return own;
}

PoolWatch::PoolWatch(const config::Config& running,
                     platform::HostOps& host,
                     platform::MachineMonitor& monitor)
    : running_{running}, pool_{running.napt.pool}, host_{host} {
    if (running.napt_mode != config::NaptMode::Daemon) return; // its pool is watched elsewhere
    monitor.subscribe([this](const platform::MachineChange& change) { on_change(change); });
}

void PoolWatch::start(std::function<void(const std::vector<Ipv4Addr>&)> changed) {
    changed_ = std::move(changed);
    if (running_.napt_mode == config::NaptMode::Daemon) look();
}

void PoolWatch::on_change(const platform::MachineChange& change) {
    if (changed_ && !std::holds_alternative<platform::RouteChange>(change)) look();
}

void PoolWatch::look() {
    auto now = own_in_pool(pool_, running_.translator.gateway4, host_.addresses());
    if (now == own_) return;
    report(now);
    own_ = std::move(now);
    changed_(own_);
}

void PoolWatch::report(const std::vector<Ipv4Addr>& now) const {
    for (const auto address : now)
        if (!std::ranges::binary_search(own_, address))
            spdlog::error(
                "{}", contains(pool_, address) ? trouble(address) : gateway_trouble(address));
    for (const auto address : own_)
        if (!std::ranges::binary_search(now, address))
            spdlog::info("{} is no address of this machine any more", address.to_string());
}

std::vector<std::string> PoolWatch::warnings() const {
    std::vector<std::string> lines;
    for (const auto address : own_) {
        if (contains(running_.napt.pool, address))
            lines.push_back(trouble(address));
        else if (running_.translator.gateway4 == address)
            lines.push_back(gateway_trouble(address));
    }
    return lines;
}

} // namespace nat64::daemon
