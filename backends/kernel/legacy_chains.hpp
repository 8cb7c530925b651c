// SPDX-License-Identifier: Apache-2.0
// The chain FORWARD of iptables-legacy and ip6tables-legacy, which nftables does not show. Read
// with libiptc, and only where such a table is in use: asking for one would make it.
// Needs CAP_NET_ADMIN; errors are OsErrors.
#pragma once

#include "backends/kernel/foreign_chains.hpp"

#include <string>
#include <vector>

namespace nat64::kernel {

/// As chains_that_drop(), of which these are a part.
[[nodiscard]] std::vector<ForeignChain> legacy_chains_that_drop(const std::string& interface);

} // namespace nat64::kernel
