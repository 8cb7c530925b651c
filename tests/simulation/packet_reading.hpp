// SPDX-License-Identifier: Apache-2.0
// Reading packets that the simulation has built itself, as they leave.
#pragma once

#include "core/net/address.hpp"
#include "core/net/headers.hpp"
#include "core/net/transport.hpp"
#include "tests/support/bytes.hpp"
#include "tests/support/describe.hpp"

#include <cstddef>
#include <cstdint>

namespace nat64::simulation {

/// In a payload's number: it is that of a parcel.
inline constexpr std::uint32_t kParcel = 0x8000'0000;

inline Ipv4Addr v4_at(test::View bytes, std::size_t at) {
    return Ipv4Addr{test::get32(bytes, at)};
}

inline Ipv6Addr v6_at(test::View bytes, std::size_t at) {
    Ipv6Addr::Bytes address{};
    for (auto& byte : address)
        byte = test::get8(bytes, at++);
    return Ipv6Addr{address};
}

inline bool is_v4(test::View bytes) {
    return test::get8(bytes, 0) >> 4 == 4;
}

inline bool is_error(test::View bytes, const test::Layout& layout) {
    if (layout.fragment_offset != 0) return false;
    const auto type = test::get8(bytes, layout.transport);
    if (layout.protocol == kProtoIcmpv6) return type < 128;
    return layout.protocol == kProtoIcmp && type != 0 && type != 8;
}

/// Where the payload begins, in packets as they are built here.
inline std::size_t payload_of(const test::Layout& layout) {
    return layout.transport + (layout.protocol == kProtoTcp ? 20 : 8);
}

/// The port of an end, or the identifier of a query, which both ends share.
inline Port
port_at(test::View bytes, std::size_t transport, L4Proto protocol, std::size_t which) {
    const auto at = transport + (protocol == L4Proto::Icmp ? 4 : 2 * which);
    return Port{test::get16(bytes, at)};
}

} // namespace nat64::simulation
