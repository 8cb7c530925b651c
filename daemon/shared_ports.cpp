// SPDX-License-Identifier: Apache-2.0
#include "daemon/shared_ports.hpp"

#include "backends/kernel/free_ports.hpp"

#include <algorithm>
#include <exception>
#include <iterator>
#include <utility>

#include <spdlog/spdlog.h>

namespace nat64::daemon {

SharedPorts::SharedPorts() {
    try {
        sockets_.emplace();
        begin_anew();
    } catch (const std::exception& error) {
        sockets_.reset();
        spdlog::warn("{}. Until then keep ports of this machine's own services out of "
                     "shared_ports",
                     error.what());
    }
}

void SharedPorts::begin_anew() {
    seen_ = seen_now();
    services_ = seen_;
}

void SharedPorts::look() {
    auto now = seen_now();
    services_.clear();
    std::ranges::set_intersection(seen_, now, std::back_inserter(services_));
    seen_ = std::move(now);
}

std::vector<PortRange> SharedPorts::of(PortRange within) const {
    auto ranges = kernel::free_ranges(within, services_);
    if (!ranges.empty()) return ranges;
    spdlog::error("programs of this machine wait on all of shared_ports ({}-{}): clients use "
                  "them too, and may get packets that are meant for those programs",
                  within.first.value(),
                  within.last.value());
    return {within};
}

std::vector<Port> SharedPorts::seen_now() {
    return sockets_ ? sockets_->list() : std::vector<Port>{};
}

} // namespace nat64::daemon
