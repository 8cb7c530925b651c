// SPDX-License-Identifier: Apache-2.0
// RFC 6052 §2.2 for the prefixes of 32 to 64 bits, where the IPv4 address goes round the u
// octet (bits 64 to 71):
//
//     high half                           low half
//     | prefix, 32+k bits | v4, 32-k | u = 0, 8 bits | v4, k | suffix, 56-k bits |
//
// with k = 0, 8, 16, 24 or 32.
#include "core/rfc6052.hpp"

#include "core/net/address.hpp"

#include <cstdint>
#include <optional>

namespace nat64::rfc6052 {

namespace {

constexpr Prefix6 kWellKnown{Ipv6Addr::from_halves(0x0064'ff9b'0000'0000, 0), 96};
constexpr Prefix6 kLocalUse{Ipv6Addr::from_halves(0x0064'ff9b'0001'0000, 0), 48};

constexpr bool is_allowed_length(unsigned length) noexcept {
    return length == 96 || (length >= 32 && length <= 64 && length % 8 == 0);
}

} // namespace

Nat64Prefix::Nat64Prefix() noexcept : prefix_{kWellKnown} {}

Nat64Prefix::Nat64Prefix(const Prefix6& prefix) noexcept : prefix_{prefix} {}

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

Ipv6Addr Nat64Prefix::embed_around_u_octet(Ipv4Addr v4) const noexcept {
    const auto k = prefix_.length() - 32;
    const std::uint64_t bits = v4.bits();
    const auto behind_u = bits & ((std::uint64_t{1} << k) - 1);
    return Ipv6Addr::from_halves(prefix_.address().high() | bits >> k, behind_u << (56 - k));
}

std::optional<Ipv4Addr> Nat64Prefix::extract_around_u_octet(const Ipv6Addr& v6) const noexcept {
    if (!prefix_.contains(v6) || v6.bytes()[8] != 0) return {};
    const auto k = prefix_.length() - 32;
    return Ipv4Addr{static_cast<std::uint32_t>(v6.high() << k | v6.low() >> (56 - k))};
}

} // namespace nat64::rfc6052
