// SPDX-License-Identifier: Apache-2.0
// What the operator allows: which clients may use the translator and which IPv4 destinations
// they may reach (`clients`, `destinations`), together with the machine's own addresses, which
// nobody reaches through it. One principle for all lists: the longest prefix that matches
// decides; of equal ones, deny. The ranges that no router forwards are not here
// (core/rfc6146/tuple refuses them for every packet), nor is RFC 6052 §3.1.
//
// A Policy is asked when a packet has no session. It is compiled once and never changed:
// another one takes its place when a configuration or the machine's addresses change, so it may
// be read on any thread. A question costs two binary searches and at most a step for each bit.
#pragma once

#include "core/net/address.hpp"
#include "core/net/transport.hpp"
#include "core/tables/prefix_table.hpp"
#include "core/verdict.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace nat64 {

inline constexpr PortRange kAllPorts{Port{0}, Port{65535}};

/// One item of `destinations.allow` or `destinations.deny`. With ports and without protocol it
/// is about TCP and UDP.
struct DestinationRule {
    Prefix4 prefix;
    std::optional<L4Proto> protocol;
    PortRange ports = kAllPorts;

    friend bool operator==(const DestinationRule&, const DestinationRule&) = default;
};

/// `destinations.private`: RFC 1918 and 100.64.0.0/10.
enum class PrivateDestinations : std::uint8_t { Refused, Reachable };

struct PolicySettings {
    std::vector<Prefix6> clients_allow{Prefix6{}}; ///< clients.allow, by default ::/0
    std::vector<Prefix6> clients_deny;             ///< clients.deny
    PrivateDestinations private_destinations = PrivateDestinations::Refused;
    std::vector<DestinationRule> destinations_allow;
    std::vector<DestinationRule> destinations_deny;

    friend bool operator==(const PolicySettings&, const PolicySettings&) = default;
};

/// Items of each list: a bound on the size of the tables.
inline constexpr std::size_t kMaxPolicyRules = 256;

/// What a decision rests on.
enum class Basis : std::uint8_t {
    Unmentioned,      ///< permitted: no rule speaks of it
    DestinationAllow, ///< permitted
    DestinationDeny,
    PrivateRange,
    OwnAddress,
    InnerAddress,   ///< of napt: kernel's map, which nobody but this machine knows
    ClientUnlisted, ///< in no prefix of clients.allow
    ClientDeny,
};

struct Ruling {
    Basis basis = Basis::Unmentioned;
    std::uint16_t rule = 0; ///< index in the list that the basis names

    /// nullopt: permitted.
    [[nodiscard]] std::optional<DropReason> refusal() const noexcept;

    friend bool operator==(const Ruling&, const Ruling&) = default;
};

class Policy {
public:
    /// Everybody may reach everything.
    Policy() = default;

    /// `own`: the machine's addresses, those of its subnets that mean all hosts included;
    /// `own_prefixes`: what is the machine itself as a whole, whatever rules say of its parts.
    /// No list of the settings may be longer than kMaxPolicyRules.
    Policy(const PolicySettings& settings,
           std::span<const Ipv4Addr> own,
           std::span<const Prefix4> own_prefixes = {});

    /// May this client send to this destination?
    [[nodiscard]] Ruling outbound(const Ipv6Addr& client6,
                                  L4Proto protocol,
                                  const Endpoint4& server4) const noexcept;

    /// May this IPv4 host begin to talk to this client? As outbound(), since there will be
    /// answers; but the machine itself may.
    [[nodiscard]] Ruling
    inbound(const Ipv6Addr& client6, L4Proto protocol, const Endpoint4& server4) const noexcept;

    /// The two halves of outbound().
    [[nodiscard]] Ruling client(const Ipv6Addr& client6) const noexcept;
    [[nodiscard]] Ruling destination(L4Proto protocol, const Endpoint4& server4) const noexcept;

private:
    /// From this port on, up to the next step's.
    struct Step {
        std::uint16_t port = 0;
        Ruling ruling;
    };

    /// Steps of one prefix and protocol: [first, first + count).
    struct Steps {
        std::uint32_t first = 0;
        std::uint32_t count = 0;
    };

    using Leaf = std::array<Steps, kL4ProtoCount>;

    class Compiler;

    tables::PrefixTable<Prefix6> clients_;
    std::vector<Ruling> client_rulings_; ///< by index in clients_
    bool all_clients_ = true;
    tables::PrefixTable<Prefix4> destinations_;
    std::vector<Leaf> leaves_; ///< by index in destinations_
    std::vector<Step> steps_;
};

} // namespace nat64
