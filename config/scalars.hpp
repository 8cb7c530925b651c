// SPDX-License-Identifier: Apache-2.0
// Texts that stand for values of this domain and are written in configurations only: numbers
// as the configuration takes them, port ranges, transport addresses, the suffix of a prefix.
// Addresses and prefixes themselves are core/net's.
#pragma once

#include "core/net/address.hpp"
#include "core/net/transport.hpp"

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>

namespace nat64::config {

/// Decimal digits without sign, leading zeros or anything else; the error says what it is
/// instead.
[[nodiscard]] std::expected<std::uint64_t, std::string_view>
parse_integer(std::string_view text);

/// "20000-39999" or "8080", 1 to 65535.
[[nodiscard]] std::optional<PortRange> parse_ports(std::string_view text);

/// "192.0.2.1:80", or "192.0.2.1" for port 0. A written port is 1 to 65535.
[[nodiscard]] std::optional<Endpoint4> parse_endpoint4(std::string_view text);

/// "[2001:db8::1]:80", or "2001:db8::1" for port 0.
[[nodiscard]] std::optional<Endpoint6> parse_endpoint6(std::string_view text);

/// The /96 inside `within` whose last groups, up to bit 96, are `suffix` ("0:6464"); the error
/// says why there is none.
[[nodiscard]] std::expected<Prefix6, std::string> join_prefix(const Prefix6& within,
                                                              std::string_view suffix);

} // namespace nat64::config
