// SPDX-License-Identifier: Apache-2.0
// Each list of changes has the switch first. They are done from the last to the first and put
// back from the first to the last: the switch changes other values on its way, in both
// directions (Linux: inet_forward_change, addrconf_forward_change), so these are in the list
// too, and are set right after it.
#include "daemon/forwarding.hpp"

#include "platform/forwarding_sysctls.hpp"

#include <exception>
#include <optional>
#include <ranges>
#include <span>
#include <string>
#include <utility>

#include <fmt/format.h>
#include <spdlog/spdlog.h>

namespace nat64::daemon {

namespace {

using kernel::Forward;
using platform::HostOps;
using platform::interface_sysctl;
using platform::kForwardIpv4;
using platform::kForwardIpv6;

/// Interfaces that are not ours, and what new ones begin with.
std::vector<std::string> interfaces(HostOps& host, const std::string& tun) {
    auto names = host.link_names();
    std::erase_if(names, [&](const std::string& name) { return name == "lo" || name == tun; });
    names.emplace_back("default");
    return names;
}

bool is_on(HostOps& host, const std::string& sysctl) {
    const auto value = host.sysctl(sysctl);
    return value && *value != "0";
}

/// What is on becomes off, and must not, when the switch is put back.
void keep_forwarding(HostOps& host,
                     const char* family,
                     const std::vector<std::string>& names,
                     std::vector<SysctlChange>& changes) {
    for (const auto& interface : names) {
        auto name = interface_sysctl(family, interface, "forwarding");
        const auto value = host.sysctl(name);
        if (value && *value != "0") changes.push_back({std::move(name), *value, "1"});
    }
}

std::vector<SysctlChange> changes_ipv4(HostOps& host, const std::string& tun) {
    std::vector<SysctlChange> changes{{kForwardIpv4, "0", "1"}};
    auto redirects = interface_sysctl("ipv4", "all", "accept_redirects");
    if (const auto value = host.sysctl(redirects))
        changes.push_back({std::move(redirects), *value, "0"});
    keep_forwarding(host, "ipv4", interfaces(host, tun), changes);
    return changes;
}

std::vector<SysctlChange> changes_ipv6(HostOps& host, const std::string& tun) {
    std::vector<SysctlChange> changes{{kForwardIpv6, "0", "1"}};
    const auto names = interfaces(host, tun);
    keep_forwarding(host, "ipv6", names, changes);
    for (const auto& interface : names) {
        // 1 means "unless forwarding", and with that they may have ignored them all along.
        if (is_on(host, interface_sysctl("ipv6", interface, "forwarding"))) continue;
        auto name = interface_sysctl("ipv6", interface, "accept_ra");
        if (host.sysctl(name) == "1") changes.push_back({std::move(name), "1", "2"});
    }
    return changes;
}

/// What others have changed since is theirs.
void put_back(HostOps& host,
              std::span<const SysctlChange> changes,
              const SetSysctl& set) noexcept {
    std::vector<std::pair<std::string, std::string>> wanted;
    for (const auto& change : changes)
        if (const auto present = host.sysctl(change.name))
            wanted.emplace_back(change.name,
                                *present == change.ours ? change.former : *present);
    for (const auto& [name, value] : wanted) {
        if (host.sysctl(name) == value) continue;
        try {
            set(name, value);
            spdlog::info("{} is {} again", name, value);
        } catch (const std::exception& error) {
            spdlog::warn("{}; run 'sysctl -w {}={}'", error.what(), name, value);
        }
    }
}

} // namespace

void put_back_recorded(HostOps& host, SysctlRecord& record) {
    const auto left = record.read();
    if (!left.empty()) {
        spdlog::info("a nat64 that was killed had changed sysctls");
        put_back(host, left, [&](const auto& name, const auto& value) {
            host.set_sysctl(name, value);
        });
    }
    record.remove(left);
}

std::optional<std::string> forwards_alone(HostOps& host) {
    if (host.sysctl(kForwardIpv4) != "0") return std::nullopt;
    for (const auto& name : host.link_names())
        if (name != "lo" && is_on(host, interface_sysctl("ipv4", name, "forwarding")))
            return name;
    return std::nullopt;
}

kernel::ForwardOthers look_at_forwarding(HostOps& host) {
    const auto others = [&](const char* name) {
        return host.sysctl(name) == "0" ? Forward::No : Forward::Yes;
    };
    return {.ipv4 = forwards_alone(host) ? Forward::Yes : others(kForwardIpv4),
            .ipv6 = others(kForwardIpv6)};
}

Forwarding::Forwarding(HostOps& host,
                       kernel::ForwardOthers others,
                       const std::string& tun,
                       SysctlRecord& record,
                       SetSysctl set_at_end)
    : host_{host}, others_{others}, record_{record}, set_at_end_{std::move(set_at_end)} {
    if (others.ipv4 == Forward::No) others_.ipv4 = switch_on("IPv4", changes_ipv4(host, tun));
    if (others.ipv6 == Forward::No) others_.ipv6 = switch_on("IPv6", changes_ipv6(host, tun));
}

Forwarding::~Forwarding() {
    put_back(host_, changed_, set_at_end_);
    record_.remove(changed_);
}

Forward Forwarding::switch_on(const char* family, const std::vector<SysctlChange>& changes) {
    record_.add(changes);
    try {
        for (const auto& change : std::views::reverse(changes))
            if (host_.sysctl(change.name) != change.ours)
                host_.set_sysctl(change.name, change.ours);
    } catch (const std::exception& error) {
        spdlog::warn(
            "{} forwarding is off and cannot be switched on ({}): run 'sysctl -w {}=1'",
            family,
            error.what(),
            changes.front().name);
        put_back(host_, changes, [this](const auto& name, const auto& value) {
            host_.set_sysctl(name, value);
        });
        record_.remove(changes);
        return Forward::Yes;
    }
    changed_.insert(changed_.end(), changes.begin(), changes.end());
    for (const auto& change : changes)
        if (change.former != change.ours)
            spdlog::info(
                "{} was {}, is {} while nat64 runs", change.name, change.former, change.ours);
    spdlog::info("{} packets that have nothing to do with nat64 are still not forwarded",
                 family);
    return Forward::No;
}

} // namespace nat64::daemon
