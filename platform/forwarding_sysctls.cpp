// SPDX-License-Identifier: Apache-2.0
#include "platform/forwarding_sysctls.hpp"

#include <algorithm>
#include <array>

namespace nat64::platform {

namespace {

constexpr std::array<std::string_view, 3> kKeys{"forwarding", "accept_ra", "accept_redirects"};

} // namespace

std::string
interface_sysctl(std::string_view family, std::string_view interface, std::string_view key) {
    std::string name{"net/"};
    return name.append(family).append("/conf/").append(interface).append("/").append(key);
}

bool is_forwarding_sysctl(std::string_view name) noexcept {
    if (name == kForwardIpv4 || name == kForwardIpv6) return true;
    for (const std::string_view front : {"net/ipv4/conf/", "net/ipv6/conf/"}) {
        if (!name.starts_with(front)) continue;
        const auto rest = name.substr(front.size());
        const auto slash = rest.find('/');
        if (slash == 0 || slash == std::string_view::npos) return false;
        const auto interface = rest.substr(0, slash);
        return interface != "." && interface != ".." &&
               std::ranges::find(kKeys, rest.substr(slash + 1)) != kKeys.end();
    }
    return false;
}

} // namespace nat64::platform
