// SPDX-License-Identifier: Apache-2.0
// Puts fragments together again the slow way, so that a test can look at what the receiver of
// fragments would see.
#pragma once

#include "tests/support/bytes.hpp"

#include <optional>
#include <span>

namespace nat64::test {

/// The packet that these fragments of one packet, in any order, make: without Fragment header
/// (IPv6) or with fragment fields cleared (IPv4). nullopt if a part is missing, twice there or
/// of another packet.
[[nodiscard]] std::optional<Bytes> reassemble(std::span<const Bytes> fragments);

} // namespace nat64::test
