// SPDX-License-Identifier: Apache-2.0
// The sysctls that forwarding consists of. Who is asked to set one of these by somebody that
// may have been taken over (a file, another process) checks that it is one. Pure.
#pragma once

#include <string>
#include <string_view>

namespace nat64::platform {

inline constexpr auto kForwardIpv4 = "net.ipv4.ip_forward";
inline constexpr auto kForwardIpv6 = "net.ipv6.conf.all.forwarding";

/// `net/ipv6/conf/eth0/accept_ra`: with slashes, because names of interfaces may have dots.
[[nodiscard]] std::string
interface_sysctl(std::string_view family, std::string_view interface, std::string_view key);

/// One of the two above, or an interface's forwarding, accept_ra or accept_redirects.
[[nodiscard]] bool is_forwarding_sysctl(std::string_view name) noexcept;

} // namespace nat64::platform
