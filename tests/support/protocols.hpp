// SPDX-License-Identifier: Apache-2.0
// IANA's protocol numbers, once more: tests do not take the program's word for them.
#pragma once

namespace nat64::test {

inline constexpr unsigned kIcmp = 1;
inline constexpr unsigned kTcp = 6;
inline constexpr unsigned kUdp = 17;
inline constexpr unsigned kFragment = 44;
inline constexpr unsigned kIcmpv6 = 58;

} // namespace nat64::test
