// SPDX-License-Identifier: Apache-2.0
// Which prefixes are allowed and which of them have a meaning of their own (RFC 6052 §2.1,
// §2.2, RFC 8215).
#include "core/rfc6052.hpp"

#include "core/net/address.hpp"

#include <cstdint>
#include <optional>

namespace nat64::rfc6052 {

namespace {

constexpr Prefix6 kWellKnown{Ipv6Addr::from_halves(0x0064'ff9b'0000'0000, 0), 96};
constexpr Prefix6 kLocalUse{Ipv6Addr::from_halves(0x0064'ff9b'0001'0000, 0), 48};

constexpr Ipv6Addr kAllOnes = Ipv6Addr::from_halves(~std::uint64_t{0}, ~std::uint64_t{0});

constexpr bool is_allowed_length(unsigned length) noexcept {
    return length == 96 || (length >= 32 && length <= 64 && length % 8 == 0);
}

} // namespace

Nat64Prefix::Nat64Prefix() noexcept : Nat64Prefix{kWellKnown} {}

Nat64Prefix::Nat64Prefix(const Prefix6& prefix) noexcept
    : prefix_{prefix},
      mask_{Ipv6Addr::differences(kAllOnes.truncated(prefix.length()), Ipv6Addr{})} {}

std::optional<Nat64Prefix> Nat64Prefix::from(const Prefix6& prefix) noexcept {
    if (!is_allowed_length(prefix.length()) || prefix.address().bytes()[8] != 0) return {};
    return Nat64Prefix{prefix};
}

bool Nat64Prefix::is_well_known() const noexcept {
    return prefix_ == kWellKnown;
}

bool Nat64Prefix::is_local_use() const noexcept {
    return prefix_.length() >= kLocalUse.length() && kLocalUse.contains(prefix_.address());
}

} // namespace nat64::rfc6052
