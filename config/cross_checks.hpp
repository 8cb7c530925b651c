// SPDX-License-Identifier: Apache-2.0
// The rules between keys, applied when every key by itself is right: which NAPT, RFC 6052 §3.1
// for pool and gateway, pool items among themselves, static entries against the pool, MTUs,
// RFC minimums of timeouts. Fills in what follows from other keys (gateway, reserved
// addresses, MTU of the TUN device).
#pragma once

#include "config/reader.hpp"

namespace nat64::config {

/// More addresses than this in all pool items together are refused: each costs up to 768 KiB
/// of memory once its ports are in use.
inline constexpr std::uint64_t kMaxPoolAddresses = 65536;

/// Complains to `reader`, and completes reader.draft.config.
void cross_check(Reader& reader);

/// Is one of them below what RFC 6146 §4 and RFC 5508 REQ-2 demand?
[[nodiscard]] bool below_rfc_minimum(const Timeouts& timeouts) noexcept;

} // namespace nat64::config
