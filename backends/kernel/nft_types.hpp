// SPDX-License-Identifier: Apache-2.0
// One nftables table as plain values: the few kinds of matches and statements that nat64 uses,
// no more. What the table contains is nft_ruleset's business, its text nft_print's, its
// netlink form nft_encode's, how one becomes another nft_difference's. Pure.
#pragma once

#include "core/net/address.hpp"
#include "core/net/transport.hpp"
#include "core/verdict.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace nat64::kernel::nft {

enum class Is : std::uint8_t { Equal, Different };
enum class Way : std::uint8_t { In, Out };
enum class End : std::uint8_t { Source, Destination };

// ---- matches: a rule goes on while they hold ----

/// `iifname "nat64"`, `oifname != "nat64"`
struct Interface {
    Way way{};
    Is is{};
    std::string name;

    friend bool operator==(const Interface&, const Interface&) = default;
};

/// `ip saddr 100.64.0.0/16`, and by it: IPv4
struct Address4 {
    End end{};
    Prefix4 prefix;

    friend bool operator==(const Address4&, const Address4&) = default;
};

/// `ip6 daddr 64:ff9b::/96`
struct Address6 {
    End end{};
    Prefix6 prefix;

    friend bool operator==(const Address6&, const Address6&) = default;
};

/// `meta nfproto ipv4`
enum class Family : std::uint8_t { Ipv4, Ipv6 };

/// `meta l4proto udp`; TCP and UDP only
struct Transport {
    L4Proto protocol{};

    friend bool operator==(const Transport&, const Transport&) = default;
};

/// `tcp sport 32768-65535`
struct SourcePorts {
    L4Proto protocol{};
    PortRange ports;

    friend bool operator==(const SourcePorts&, const SourcePorts&) = default;
};

/// The first packet of a flow: `ct state new ct status ! confirmed`. A flow that nobody
/// answers stays new to conntrack; only its first packet is unconfirmed.
struct NewFlow {
    friend bool operator==(const NewFlow&, const NewFlow&) = default;
};

/// `ct state ! established,related`
struct UnknownFlow {
    friend bool operator==(const UnknownFlow&, const UnknownFlow&) = default;
};

/// What conntrack makes no flow of: `ct state invalid,untracked`
struct NoFlow {
    friend bool operator==(const NoFlow&, const NoFlow&) = default;
};

/// A flow whose destination is the one it came with, no rule's: `ct state new ct status !
/// dnat`
struct NotForwarded {
    friend bool operator==(const NotForwarded&, const NotForwarded&) = default;
};

/// TCP that is no SYN: `tcp flags & (fin|syn|rst|ack) != syn`
struct TcpNotSyn {
    friend bool operator==(const TcpNotSyn&, const TcpNotSyn&) = default;
};

/// `add @SET { ip saddr ct count over N }`
struct ConnectionsOver {
    std::string set;
    std::uint32_t count = 0;

    friend bool operator==(const ConnectionsOver&, const ConnectionsOver&) = default;
};

/// `update @SET { ip saddr limit rate over N/second burst N packets }`
struct RateOver {
    std::string set;
    std::uint32_t per_second = 0;

    friend bool operator==(const RateOver&, const RateOver&) = default;
};

// ---- statements ----

/// `ct timeout set "NAME"`
struct UseTimeout {
    std::string name;

    friend bool operator==(const UseTimeout&, const UseTimeout&) = default;
};

/// `masquerade to :32768-65535`: from the port it has, if that is one of these and free, or
/// from a random one of these. Behind a Transport or SourcePorts.
struct MasqueradeTo {
    PortRange ports;

    friend bool operator==(const MasqueradeTo&, const MasqueradeTo&) = default;
};

/// `counter name "not_ours"`: by the reason for which the rule refuses
struct CountDrop {
    DropReason reason{};

    friend bool operator==(const CountDrop&, const CountDrop&) = default;
};

/// Those that need nothing else. Refuse: ICMP "administratively prohibited"; Reset: TCP RST.
enum class Act : std::uint8_t { Drop, Refuse, Reset, Masquerade, NoTrack };

using Part = std::variant<Interface,
                          Family,
                          Address4,
                          Address6,
                          Transport,
                          SourcePorts,
                          NewFlow,
                          UnknownFlow,
                          NoFlow,
                          NotForwarded,
                          TcpNotSyn,
                          ConnectionsOver,
                          RateOver,
                          UseTimeout,
                          MasqueradeTo,
                          CountDrop,
                          Act>;
using Rule = std::vector<Part>;

// ---- what a table consists of ----

enum class ChainType : std::uint8_t { Filter, Nat };

/// Of family inet; the values are the kernel's.
enum class Hook : std::uint8_t { Prerouting, Input, Forward, Output, Postrouting };

struct Chain {
    std::string name;
    ChainType type{};
    Hook hook{};
    std::int32_t priority = 0;
    std::vector<Rule> rules;

    friend bool operator==(const Chain&, const Chain&) = default;
};

/// A set of IPv4 addresses that rules fill; each element has a limit of its own.
struct AddressSet {
    std::string name;
    std::uint32_t size = 0;
    std::uint32_t timeout_seconds = 0; ///< 0: elements go when they count nothing any more

    friend bool operator==(const AddressSet&, const AddressSet&) = default;
};

struct NamedSeconds {
    const char* name;
    std::uint32_t seconds;

    friend bool operator==(const NamedSeconds& a, const NamedSeconds& b) noexcept {
        return std::string_view{a.name} == b.name && a.seconds == b.seconds;
    }
};

/// A `ct timeout` object for IPv4. The seconds stand in the kernel's order of states.
struct TimeoutPolicy {
    std::string name;
    L4Proto protocol{};
    std::vector<NamedSeconds> states;

    friend bool operator==(const TimeoutPolicy&, const TimeoutPolicy&) = default;
};

struct Table {
    std::string name;
    std::vector<DropReason> counters; ///< named after their labels
    std::vector<TimeoutPolicy> timeouts;
    std::vector<AddressSet> sets;
    std::vector<Chain> chains;

    friend bool operator==(const Table&, const Table&) = default;
};

} // namespace nat64::kernel::nft
