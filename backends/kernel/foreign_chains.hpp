// SPDX-License-Identifier: Apache-2.0
// Other people's forward chains, read once at the start: what one of them drops, nothing in our
// table can allow. Those of nftables, which iptables-nft, ufw and docker on it fill, too, and
// those of iptables-legacy (legacy_chains.hpp).
// Needs CAP_NET_ADMIN; errors are OsErrors.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace nat64::kernel {

/// Which program shows and changes it.
enum class Keeper : std::uint8_t { Nftables, IptablesLegacy, Ip6tablesLegacy };

/// `ip filter FORWARD`
struct ForeignChain {
    std::string family; ///< ip, ip6, inet
    std::string table;
    std::string name;
    Keeper keeper = Keeper::Nftables;

    friend bool operator==(const ForeignChain&, const ForeignChain&) = default;
};

/// "nftables chain 'inet filter forward'", "iptables-legacy chain 'filter FORWARD'"
[[nodiscard]] std::string to_string(const ForeignChain& chain);

/// Of a nat64 that has switched forwarding on: it drops what is not that one's
/// (nft_ruleset.hpp).
[[nodiscard]] bool is_only_ours(const ForeignChain& chain) noexcept;

/// Chains at the hook `forward` that drop what none of their rules accepts, by their policy or
/// by a last rule, in tables of which no rule names `interface`: probably written without a
/// thought of it. And those of other nat64, whose tables are not that of `interface`.
[[nodiscard]] std::vector<ForeignChain> chains_that_drop(const std::string& interface);

} // namespace nat64::kernel
