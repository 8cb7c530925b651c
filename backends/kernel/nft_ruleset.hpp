// SPDX-License-Identifier: Apache-2.0
// What the kernel is asked to do for napt: kernel, as one table of family inet:
//
//   arrivals   nobody but our TUN brings packets from inner addresses; new flows from there get
//              our timeouts (conntrack's own are below the minimums of RFC 4787 REQ-5)
//   passing    answers reach inner addresses, and what others' rules forward (`dnat`); limits;
//              TCP of no session is reset unless a SYN (RFC 6146 §3.5.2.2)
//   only_ours  of a family that nat64 switched forwarding on for: nothing else is forwarded
//   machine    clients do not reach this machine's own IPv4 services
//   sharing    MASQUERADE on every uplink, whatever its address is at the time, from ports on
//              which this machine's own programs do not wait (free_ports.hpp)
//   leaks      what conntrack would not translate does not leave with an inner address
//   untracked  conntrack_ipv6: notrack: the IPv6 side costs no second conntrack entry
//
// What they refuse is counted by drop reason, by a counter of that name. No timeout for ICMP:
// nft cannot read a `ct timeout` object for it; the daemon sets a sysctl instead. Pure.
#pragma once

#include "backends/kernel/nft_types.hpp"
#include "core/napt_settings.hpp"
#include "core/rfc6052.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace nat64::kernel {

enum class Forward : std::uint8_t { Yes, No };

/// Whether packets that have nothing to do with the TUN may be forwarded.
struct ForwardOthers {
    Forward ipv4 = Forward::Yes;
    Forward ipv6 = Forward::Yes;

    friend bool operator==(const ForwardOthers&, const ForwardOthers&) = default;
};

struct RulesetSettings {
    std::string tun_name;
    rfc6052::Nat64Prefix prefix;
    Prefix4 inner_pool;
    std::vector<PortRange> ports; ///< that flows leave from: ascending, at least one
    Timeouts timeouts;
    std::uint32_t sessions_per_client = 0;     ///< of one inner address; 0: no limit
    std::uint32_t new_sessions_per_second = 0; ///< of one inner address; 0: no limit
    TrackIpv6 track_ipv6 = TrackIpv6::Yes;
    ForwardOthers forward_others;

    friend bool operator==(const RulesetSettings&, const RulesetSettings&) = default;
};

/// The name of either table.
[[nodiscard]] std::string table_name(const std::string& tun_name);

/// Whether a table is nat64's, of whatever device.
[[nodiscard]] bool is_table_name(std::string_view name) noexcept;

/// The chain that says what else is forwarded.
inline constexpr const char* kOnlyOurs = "only_ours";

/// What of the configuration matters here, with all of its shared_ports. `napt` must have its
/// inner_pool.
[[nodiscard]] RulesetSettings ruleset_settings(const NaptSettings& napt,
                                               const std::string& tun_name,
                                               ForwardOthers forward_others);

[[nodiscard]] nft::Table make_ruleset(const RulesetSettings& settings);

/// For napt: daemon, which needs no table but this: nothing else is forwarded.
[[nodiscard]] nft::Table make_guard(const std::string& tun_name, ForwardOthers others);

} // namespace nat64::kernel
