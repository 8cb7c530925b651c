// SPDX-License-Identifier: Apache-2.0
// What a reload would change, key by key along the schema, and which of it a running daemon
// cannot change. Pure: two configurations in, a list out. How the changes reach the packets is
// daemon/reloader's business.
#pragma once

#include "config/config.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace nat64::config {

/// One key with its former and its new value, as they would stand in the file on one line;
/// "unset" for a key without value.
struct Change {
    std::string_view key;
    std::string before;
    std::string after;

    friend bool operator==(const Change&, const Change&) = default;
};

/// A change that needs a restart, and why where that is not plain.
struct FixedChange {
    Change change;
    std::string why{};

    friend bool operator==(const FixedChange&, const FixedChange&) = default;
};

struct Difference {
    std::vector<Change> changes;    ///< in the schema's order
    std::vector<FixedChange> fixed; ///< if there are any, nothing may be applied
};

/// Both configurations are complete, `wanted` after keep_choices(). `made_for` is the pool of
/// the start, all that can be given out without a restart.
[[nodiscard]] Difference
difference(const Config& running, const Config& wanted, const std::vector<PoolItem>& made_for);

/// What the file leaves open and the daemon chose when it started stays as it is: the inner
/// pool, the source of ICMPv6 errors.
void keep_choices(Config& wanted, const Config& running);

/// "limits.sessions_per_client: 4096 -> 100"
[[nodiscard]] std::string to_string(const Change& change);

/// One line a key, with the reason.
[[nodiscard]] std::string to_string(const std::vector<FixedChange>& fixed);

} // namespace nat64::config
