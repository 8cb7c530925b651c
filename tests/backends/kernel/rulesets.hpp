// SPDX-License-Identifier: Apache-2.0
// Settings that the tests of the nftables table start from.
#pragma once

#include "backends/kernel/nft_ruleset.hpp"

namespace nat64::test {

[[nodiscard]] inline kernel::RulesetSettings plain_ruleset() {
    kernel::RulesetSettings settings;
    settings.tun_name = "nat64";
    settings.inner_pool = Prefix4{Ipv4Addr{100, 64, 0, 0}, 16};
    settings.ports = {{Port{32768}, Port{65535}}};
    return settings;
}

/// With everything that can be switched on.
[[nodiscard]] inline kernel::RulesetSettings full_ruleset() {
    auto settings = plain_ruleset();
    settings.ports = {{Port{32768}, Port{51819}}, {Port{51821}, Port{65535}}};
    settings.sessions_per_client = 4096;
    settings.new_sessions_per_second = 50;
    settings.track_ipv6 = TrackIpv6::No;
    settings.forward_others = {kernel::Forward::No, kernel::Forward::No};
    return settings;
}

} // namespace nat64::test
