// SPDX-License-Identifier: Apache-2.0
// The named counters of our table as nf_tables netlink messages: a counter has the label of
// the drop reason that it counts. Bytes only; the socket is nft_table's.
#pragma once

#include "core/verdict.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

struct nlmsghdr;

namespace nat64::kernel::nft {

struct CountedDrops {
    DropReason reason{};
    std::uint64_t packets = 0;
};

/// Asks for all counters of a table; one that does not exist has none.
[[nodiscard]] std::vector<std::byte> encode_counters_query(const std::string& table,
                                                           std::uint32_t sequence);

/// A message of the answer; none if the counter is not one of ours.
[[nodiscard]] std::optional<CountedDrops> parse_counter(const nlmsghdr& message);

} // namespace nat64::kernel::nft
