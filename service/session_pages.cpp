// SPDX-License-Identifier: Apache-2.0
#include "service/session_pages.hpp"

#include "core/net/transport.hpp"
#include "core/random.hpp"

#include <array>
#include <cstdint>
#include <span>

namespace nat64::service {

namespace {

std::uint64_t word(const Endpoint4& endpoint) noexcept {
    return std::uint64_t{endpoint.address.bits()} << 16 | endpoint.port.value();
}

} // namespace

Cursor place_of(const SessionRow& row) noexcept {
    const std::array<std::uint64_t, 5> words{row.client6.address.high(),
                                             row.client6.address.low(),
                                             std::uint64_t{row.client6.port.value()} << 8 |
                                                 static_cast<std::uint64_t>(row.protocol),
                                             word(row.mapped4),
                                             word(row.server4)};
    return siphash24({}, std::as_bytes(std::span{words}));
}

} // namespace nat64::service
