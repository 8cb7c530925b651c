// SPDX-License-Identifier: Apache-2.0
// Other people's forward chains, read once at the start: what one of them drops, nothing in our
// table can allow. Only those of nftables, which iptables-nft, ufw and docker on it fill, too.
// Needs CAP_NET_ADMIN; errors are OsErrors.
#pragma once

#include <string>
#include <vector>

namespace nat64::kernel {

/// `ip filter FORWARD`
struct ForeignChain {
    std::string family; ///< ip, ip6, inet
    std::string table;
    std::string name;

    friend bool operator==(const ForeignChain&, const ForeignChain&) = default;
};

/// Chains at the hook `forward` that drop what none of their rules accepts, by their policy or
/// by a last rule, in tables of which no rule names `interface`: probably written without a
/// thought of it.
[[nodiscard]] std::vector<ForeignChain> chains_that_drop(const std::string& interface);

} // namespace nat64::kernel
