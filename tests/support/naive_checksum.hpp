// SPDX-License-Identifier: Apache-2.0
// The Internet checksum as RFC 1071 §1 words it, one 16-bit word at a time with the carry
// folded after each: slow, obvious, and independent of core/net/checksum. The oracle of all
// checksum tests and what the packet builder signs its packets with.
#pragma once

#include "tests/support/bytes.hpp"

#include <cstdint>

namespace nat64::test {

/// The ones' complement sum of `bytes` and `start`, not complemented.
[[nodiscard]] std::uint16_t naive_sum(View bytes, std::uint16_t start = 0);

/// Its complement.
[[nodiscard]] std::uint16_t naive_checksum(View bytes, std::uint16_t start = 0);

/// The sum over the pseudo-header of the packet that starts with the IP header `ip` of either
/// family, for `length` bytes of `protocol`.
[[nodiscard]] std::uint16_t
naive_pseudo_sum(View ip, std::uint8_t protocol, std::size_t length);

} // namespace nat64::test
