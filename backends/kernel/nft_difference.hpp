// SPDX-License-Identifier: Apache-2.0
// From one table to another by as little as possible, so that live flows notice nothing.
// Chains whose rules are the same are left alone. A `ct timeout` object in
// the kernel cannot be changed, and deleting one throws its flows back to conntrack's
// defaults; so a policy that is no longer given to new flows stays for the old ones, up to a
// number that only somebody who reloads for sport will reach. Pure.
#pragma once

#include "backends/kernel/nft_types.hpp"
#include "core/verdict.hpp"

#include <cstddef>
#include <string>
#include <variant>
#include <vector>

namespace nat64::kernel::nft {

struct AddTable {};

struct AddCounter {
    DropReason reason{};
};

struct AddTimeout {
    TimeoutPolicy policy;
};

struct DeleteTimeout {
    TimeoutPolicy policy;
};

struct AddSet {
    AddressSet set;
};

struct DeleteSet {
    std::string name;
};

struct AddChain {
    Chain chain; ///< without its rules
};

/// Takes all rules out of a chain.
struct FlushChain {
    std::string name;
};

struct DeleteChain {
    std::string name;
};

struct AddRule {
    std::string chain;
    Rule rule;
};

using Change = std::variant<AddTable,
                            AddCounter,
                            AddTimeout,
                            DeleteTimeout,
                            AddSet,
                            DeleteSet,
                            AddChain,
                            FlushChain,
                            DeleteChain,
                            AddRule>;

/// Timeout policies kept at the most, those in use included.
inline constexpr std::size_t kMostTimeouts = 16;

/// `wanted`, with the timeout policies of `present` that are to stay, the newest last.
[[nodiscard]] Table with_old_timeouts(const Table& present, Table wanted);

/// Everything of `wanted`, from nothing.
[[nodiscard]] std::vector<Change> creation(const Table& wanted);

/// In an order that the kernel accepts as one batch. Both tables have the same name, and
/// timeouts and sets of the same name are the same. Counters stay, whoever has used them.
[[nodiscard]] std::vector<Change> difference(const Table& present, const Table& wanted);

/// "add the rule 'counter drop' to chain leaks"
[[nodiscard]] std::string to_text(const Change& change);

} // namespace nat64::kernel::nft
