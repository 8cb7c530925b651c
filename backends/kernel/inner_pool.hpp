// SPDX-License-Identifier: Apache-2.0
// Which addresses may stand for clients inside this machine when `inner_pool` does not say:
// the first /16 that no address and no route of the machine touches. Pure.
#pragma once

#include "core/net/address.hpp"

#include <optional>
#include <span>

namespace nat64::kernel {

/// A route this short covers half the Internet or a good part of it: a default route, perhaps
/// in pieces (VPNs do that), and no hint that an address in it is in use.
inline constexpr unsigned kShortestRealRoute = 8;

/// Of the pools that are chosen.
inline constexpr unsigned kChosenLength = 16;

/// Does `pool` share addresses with something that is really there?
[[nodiscard]] bool collides(const Prefix4& pool, std::span<const Prefix4> in_use) noexcept;

/// From the address block for carrier-grade NAT first (RFC 6598), then those for benchmarks
/// (RFC 2544) and private use (RFC 1918). `in_use` are this machine's addresses with their
/// prefix lengths and the destinations of its routes. nullopt if all of them are taken.
[[nodiscard]] std::optional<Prefix4> choose_inner_pool(std::span<const Prefix4> in_use);

} // namespace nat64::kernel
