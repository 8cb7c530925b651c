// SPDX-License-Identifier: Apache-2.0
// Which ports of the machine's own address napt: kernel may give to clients' flows: those of
// `shared_ports` on which no program of the machine waits. A flow that left from such a port
// would get the packets that a server sends to the program (port shadowing, ADR 0030). Pure.
#pragma once

#include "core/net/transport.hpp"

#include <cstddef>
#include <span>
#include <vector>

namespace nat64::kernel {

/// Rules that a new flow passes at the most, for each protocol.
inline constexpr std::size_t kMostRanges = 32;
/// Narrower gaps between two taken ports are not worth a rule.
inline constexpr unsigned kNarrowest = 64;

/// What `taken` (ascending) leaves of `within`, ascending: the widest ranges, and no more than
/// kMostRanges. Nothing when all of it is taken, or nearly.
[[nodiscard]] std::vector<PortRange> free_ranges(PortRange within, std::span<const Port> taken);

} // namespace nat64::kernel
