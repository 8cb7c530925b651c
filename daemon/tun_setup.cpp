// SPDX-License-Identifier: Apache-2.0
// Routes come last: nothing is sent our way before the link is as it should be.
#include "daemon/tun_setup.hpp"

#include "config/config.hpp"
#include "daemon/machine_check.hpp"
#include "platform/host_ops.hpp"
#include "platform/os_error.hpp"
#include "platform/tun_device.hpp"
#include "platform/unique_fd.hpp"

#include <cerrno>
#include <cstdint>
#include <utility>

namespace nat64::daemon {

namespace {

/// Packets that the kernel keeps while the packet thread is busy. 500 is the default and too
/// few for a burst; the kernel reserves 8 bytes for each.
constexpr std::uint32_t kQueueLength = 8192;

platform::TunOffload offload_of(config::OffloadMode mode) noexcept {
    switch (mode) {
    case config::OffloadMode::Auto:
        return platform::TunOffload::BestAvailable;
    case config::OffloadMode::Off:
        return platform::TunOffload::None;
    }
    return platform::TunOffload::None;
}

} // namespace

platform::TunDevice
set_up_tun(const config::Config& config, platform::HostOps& host, platform::UniqueFd driver) {
    auto tun = platform::create_tun(
        std::move(driver), config.tun.name, offload_of(config.tun.offload));
    const auto link = host.find_link(tun.name);
    if (!link) throw platform::OsError{ENODEV, "find the interface " + tun.name};
    host.set_up_link(*link, {.mtu = config.tun.mtu, .queue_length = kQueueLength});
    for (const auto& prefix : routes_to_tun(config))
        host.add_route({prefix, *link});
    return tun;
}

} // namespace nat64::daemon
