// SPDX-License-Identifier: Apache-2.0
#include "config/profiles.hpp"

#include "core/net/address.hpp"
#include "core/net/transport.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace nat64::config {

namespace {

constexpr std::array<std::pair<std::string_view, Profile>, 1> kProfiles{
    {{"mycelium", Profile::Mycelium}}};

/// 400::/7, all of the overlay.
constexpr Prefix6 kMycelium{Ipv6Addr::from_halves(0x0400'0000'0000'0000, 0), 7};

/// Peers are strangers. A node is a /64, and what it sends may have any source inside that, or
/// outside: so limits by /64, and in all. Packets have 1400 bytes everywhere on the overlay.
void use_mycelium(Config& config) {
    // A place for the prefix that the node will be asked for; nothing is translated under it.
    const Prefix6 nowhere{Ipv6Addr::from_halves(0x0400'0000'0000'0000, 0x6464'0000'0000), 96};
    // NOLINTNEXTLINE(bugprone-unchecked-optional-access): throws, as it should
    config.translator.prefix = rfc6052::Nat64Prefix::from(nowhere).value();
    config.napt.prefix = config.translator.prefix;
    config.mycelium.derives_prefix = true;
    config.translator.rfc7915.ipv6_mtu = Mtu{1400};
    config.translator.rfc7915.ipv4_mtu = Mtu{1380};
    config.policy.clients_allow = {kMycelium};
    config.policy.destinations_deny = {{Prefix4{}, L4Proto::Tcp, {Port{25}, Port{25}}}};
    auto& limits = config.napt.limits;
    limits.client_prefix = 64;
    limits.sessions_per_client = 2048;
    limits.ports_per_client = 512;
    limits.half_open_per_client = 64;
    limits.new_sessions_per_second = 100;
    limits.addresses_per_client = 16;
    limits.half_open = 10'000;
    limits.new_sessions_per_second_in_all = 2000;
}

} // namespace

std::optional<Profile> find_profile(std::string_view name) noexcept {
    const auto* const row =
        std::ranges::find(kProfiles, name, &decltype(kProfiles)::value_type::first);
    return row == kProfiles.end() ? std::nullopt : std::optional{row->second};
}

std::string profile_names() {
    std::string names;
    for (const auto& [name, profile] : kProfiles)
        names += (names.empty() ? "" : ", ") + std::string{name};
    return names;
}

std::string_view name_of(Profile profile) noexcept {
    const auto* const row =
        std::ranges::find(kProfiles, profile, &decltype(kProfiles)::value_type::second);
    return row == kProfiles.end() ? std::string_view{} : row->first;
}

void use_profile(Config& config, Profile profile) {
    config.profile = profile;
    switch (profile) {
    case Profile::None:
        break;
    case Profile::Mycelium:
        use_mycelium(config);
        break;
    }
}

} // namespace nat64::config
