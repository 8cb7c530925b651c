// SPDX-License-Identifier: Apache-2.0
// Conntrack's messages (ctnetlink) as values: a flow of an inner address as the kernel lists
// it, and the requests to list and to forget flows. IPv4 only. Pure: bytes in, bytes out.
#pragma once

#include "core/net/transport.hpp"
#include "core/rfc6146/tcp_state.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

struct nlmsghdr;

namespace nat64::kernel {

/// A flow that began at `inner4` and stands behind `mapped4`, the machine's own address and a
/// port of conntrack's choice. Of an ICMP query the ports are identifiers, server4's is
/// mapped4's.
struct ConntrackFlow {
    L4Proto protocol{};
    /// CHOICE: of a connection closed by one side conntrack does not say by which; V6FinRcv.
    rfc6146::SessionState state{};
    Endpoint4 inner4;
    Endpoint4 mapped4;
    Endpoint4 server4;
    std::chrono::seconds expires_in{};
    std::uint64_t packets = 0; ///< both ways; 0 unless net.netfilter.nf_conntrack_acct is on
    std::uint64_t bytes = 0;

    friend bool operator==(const ConntrackFlow&, const ConntrackFlow&) = default;
};

/// nullopt for what is neither TCP, UDP nor an ICMP query over IPv4, or does not parse.
[[nodiscard]] std::optional<ConntrackFlow> parse_flow(const nlmsghdr& message);

/// Asks for all flows of IPv4.
[[nodiscard]] std::vector<std::byte> encode_list_flows(std::uint32_t sequence);

/// Ends one flow; asks for an ack.
[[nodiscard]] std::vector<std::byte> encode_forget_flow(const ConntrackFlow& flow,
                                                        std::uint32_t sequence);

} // namespace nat64::kernel
