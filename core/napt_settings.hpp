// SPDX-License-Identifier: Apache-2.0
// What the operator decided, as far as NAPT backends need it: plain values, validated by
// config before they get here. Each field names its configuration key, so that a backend can
// refuse one by name.
#pragma once

#include "core/clock.hpp"
#include "core/net/address.hpp"
#include "core/net/transport.hpp"
#include "core/random.hpp"
#include "core/rfc6052.hpp"

#include <chrono>
#include <compare>
#include <cstdint>
#include <optional>
#include <vector>

namespace nat64 {

/// RFC 6146 §4 and RFC 5508 REQ-2. The one that is no key is fixed by the RFC.
struct Timeouts {
    Clock::duration udp = std::chrono::minutes{5}; ///< timeouts.udp, at least 2 min (UDP_MIN)
    Clock::duration tcp_established =
        std::chrono::minutes{124}; ///< timeouts.tcp_established, at least 2 h 4 min
    Clock::duration tcp_transitory =
        std::chrono::minutes{4}; ///< timeouts.tcp_transitory, at least 4 min
    Clock::duration icmp = std::chrono::seconds{60}; ///< timeouts.icmp, at least 60 s
    Clock::duration tcp_incoming_syn = std::chrono::seconds{6}; ///< TCP_INCOMING_SYN

    friend bool operator==(const Timeouts&, const Timeouts&) = default;
};

/// RFC 6146 §1.2.3, `filtering`.
enum class Filtering : std::uint8_t { EndpointIndependent, AddressDependent };

/// `conntrack_ipv6`, napt: kernel: does the kernel track the IPv6 side of each flow, too?
enum class TrackIpv6 : std::uint8_t { Yes, No };

/// `limits`. 0 means no limit where that is possible.
struct Limits {
    std::uint32_t sessions = 1'000'000; ///< size of the tables; allocated lazily by the kernel
    std::uint32_t half_open = 0;        ///< of all clients together
    std::uint32_t new_sessions_per_second_in_all = 0;
    unsigned client_prefix = 128; ///< what one client is, for the limits below
    std::uint32_t sessions_per_client = 4096;
    std::uint32_t ports_per_client = 1024;
    std::uint32_t half_open_per_client = 256; ///< TCP sessions in V6 INIT or V4 INIT
    std::uint32_t new_sessions_per_second = 0;
    std::uint32_t addresses_per_client = 256; ///< napt: kernel: hosts of one client prefix

    friend bool operator==(const Limits&, const Limits&) = default;
};

/// One item of `pool`.
struct PoolItem {
    Prefix4 prefix;
    PortRange ports;

    friend bool operator==(const PoolItem&, const PoolItem&) = default;
};

/// One item of `static`: a transport address when `protocol` is given, the whole host (ports
/// 0) otherwise.
struct StaticItem {
    std::optional<L4Proto> protocol;
    Endpoint6 client6;
    Endpoint4 mapped4;

    friend auto operator<=>(const StaticItem&, const StaticItem&) = default;
};

struct NaptSettings {
    rfc6052::Nat64Prefix prefix;
    std::vector<PoolItem> pool;
    /// napt: kernel: addresses for the 1:1 map, seen by nobody but this machine.
    std::optional<Prefix4> inner_pool;
    /// napt: kernel: which inner address a client prefers hangs on this: the same over
    /// restarts, and unknown to clients, one of whom could wait for another's address. No key.
    Secret places{};
    /// napt: kernel: ports of this machine's own address that clients' flows leave from. Linux,
    /// Windows and macOS take theirs from these, so most flows keep the port they have.
    PortRange shared_ports{Port{32768}, Port{65535}};
    TrackIpv6 track_ipv6 = TrackIpv6::Yes;
    std::vector<Ipv4Addr> reserved; ///< pool addresses that are not given out: gateway.ipv4
    /// Pool addresses that are not given out for the time being, ascending: left out by a
    /// reload, or on an interface of this machine.
    std::vector<Ipv4Addr> withheld;
    std::vector<StaticItem> statics;
    Timeouts timeouts;
    Filtering filtering = Filtering::EndpointIndependent;
    Limits limits;

    friend bool operator==(const NaptSettings&, const NaptSettings&) = default;
};

} // namespace nat64
