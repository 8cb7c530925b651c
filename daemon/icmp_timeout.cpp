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
        host_.set_sysctl(kIcmpTimeout, *former_);
        record_.remove(std::array{SysctlChange{kIcmpTimeout, {}, {}}});
    } catch (const std::exception& error) {
        spdlog::warn("{}", error.what());
    }
}

void IcmpTimeout::set(Clock::duration wanted) {
    const std::int64_t least = former_ ? number_in(*former_) : 0;
    const auto seconds = std::to_string(
        std::max(std::chrono::ceil<std::chrono::seconds>(wanted).count(), least));
    const auto present = host_.sysctl(kIcmpTimeout);
    const bool ours = present == ours_;
    if (!present || present == seconds) return;
    if (!ours && number_in(*present) > number_in(seconds)) return;
    try {
        record_.add(
            std::array{SysctlChange{kIcmpTimeout, former_.value_or(*present), seconds}});
        host_.set_sysctl(kIcmpTimeout, seconds);
        if (!former_) former_ = present;
        ours_ = seconds;
        spdlog::info(
            "{} is {} now (timeouts.icmp), it was {}", kIcmpTimeout, seconds, *present);
    } catch (const std::exception& error) {
        spdlog::warn("ping sessions last {} s, not timeouts.icmp: {}", *present, error.what());
    }
}

} // namespace nat64::daemon
