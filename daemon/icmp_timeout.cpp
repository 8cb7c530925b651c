// SPDX-License-Identifier: Apache-2.0
#include "daemon/icmp_timeout.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <exception>

#include <spdlog/spdlog.h>

namespace nat64::daemon {

namespace {

std::int64_t number_in(const std::string& text) {
    std::int64_t value = 0;
    std::from_chars(text.data(), text.data() + text.size(), value);
    return value;
}

} // namespace

IcmpTimeout::~IcmpTimeout() {
    if (!former_) return;
    try {
        if (host_.sysctl(kIcmpTimeout) == ours_) host_.set_sysctl(kIcmpTimeout, *former_);
        record_.remove(std::array{SysctlChange{kIcmpTimeout, {}, {}}});
    } catch (const std::exception& error) {
        spdlog::warn("{}", error.what());
    }
}

void IcmpTimeout::set(Clock::duration wanted) {
    const auto present = host_.sysctl(kIcmpTimeout);
    if (!present) return;
    const auto former = former_ && present == ours_ ? *former_ : *present;
    const auto seconds = std::to_string(
        std::max(std::chrono::ceil<std::chrono::seconds>(wanted).count(), number_in(former)));
    if (present == seconds) return;
    try {
        record_.add(std::array{SysctlChange{kIcmpTimeout, former, seconds}});
        host_.set_sysctl(kIcmpTimeout, seconds);
        former_ = former;
        ours_ = seconds;
        spdlog::info(
            "{} is {} now (timeouts.icmp), it was {}", kIcmpTimeout, seconds, *present);
    } catch (const std::exception& error) {
        spdlog::warn("ping sessions last {} s, not timeouts.icmp: {}", *present, error.what());
    }
}

} // namespace nat64::daemon
