// SPDX-License-Identifier: Apache-2.0
#include "daemon/gateway6_keeper.hpp"

#include "daemon/machine_check.hpp"

#include <algorithm>
#include <utility>
#include <variant>

#include <spdlog/spdlog.h>

namespace nat64::daemon {

Gateway6Keeper::Gateway6Keeper(std::optional<Ipv6Addr> chosen,
                               platform::HostOps& host,
                               platform::MachineMonitor& monitor)
    : chosen_{chosen}, host_{host} {
    monitor.subscribe([this](const platform::MachineChange& change) { on_change(change); });
}

void Gateway6Keeper::start(std::function<void(std::optional<Ipv6Addr>)> changed) {
    changed_ = std::move(changed);
}

void Gateway6Keeper::on_change(const platform::MachineChange& change) {
    if (changed_ && concerns(change)) look();
}

/// Thousands of other addresses may come and go.
bool Gateway6Keeper::concerns(const platform::MachineChange& change) const {
    if (std::holds_alternative<platform::ChangesLost>(change)) return true;
    const auto* const row = std::get_if<platform::AddressChange>(&change);
    const auto* const address =
        row == nullptr ? nullptr : std::get_if<Ipv6Addr>(&row->row.address);
    return address != nullptr && (!chosen_ || *address == *chosen_);
}

/// A choice that is still good is kept.
void Gateway6Keeper::look() {
    const auto addresses = host_.addresses();
    const bool good = std::ranges::any_of(addresses, [this](const auto& row) {
        const auto* const address = std::get_if<Ipv6Addr>(&row.address);
        return address != nullptr && *address == chosen_ && row.global && !row.deprecated;
    });
    if (good) return;
    const auto another = choose_gateway6(addresses);
    if (another == chosen_) return;
    chosen_ = another;
    spdlog::info("ICMPv6 errors that cannot come from the prefix: their source is {} now",
                 another ? another->to_string() : "none of this machine's");
    changed_(another);
}

} // namespace nat64::daemon
