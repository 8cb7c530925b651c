// SPDX-License-Identifier: Apache-2.0
// Changes of a table as nf_tables netlink messages, built by libnftnl. Bytes only; the socket
// is nft_table's.
#pragma once

#include "backends/kernel/nft_difference.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace nat64::kernel::nft {

/// One batch: begin, a message for each change, end. Message i of the batch has the sequence
/// number `first_sequence + i`, begin being the first; the last change asks for an ack.
[[nodiscard]] std::vector<std::byte> encode_batch(const std::string& table,
                                                  std::span<const Change> changes,
                                                  std::uint32_t first_sequence);

/// Asks whether the table is there.
[[nodiscard]] std::vector<std::byte> encode_query(const std::string& table,
                                                  std::uint32_t sequence);

} // namespace nat64::kernel::nft
