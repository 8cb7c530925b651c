// SPDX-License-Identifier: Apache-2.0
// The special-purpose address registries (RFC 6890 and its updates) as far as a translator must
// obey them. Asked for every packet, so each question is settled by the first octet for nearly
// all addresses. What an operator denies on top is configuration, not this file.
#pragma once

#include "core/net/address.hpp"

#include <cstdint>

namespace nat64 {

/// 224.0.0.0/4.
[[nodiscard]] constexpr bool is_multicast(Ipv4Addr a) noexcept {
    return a.bits() >> 28 == 0xe;
}

/// ff00::/8.
[[nodiscard]] constexpr bool is_multicast(const Ipv6Addr& a) noexcept {
    return a.bytes()[0] == 0xff;
}

/// RFC 1918 and 100.64.0.0/10 (RFC 6598).
[[nodiscard]] constexpr bool is_private(Ipv4Addr a) noexcept {
    switch (a.bits() >> 24) {
    case 10:
        return true;
    case 100:
        return Prefix4{Ipv4Addr{100, 64, 0, 0}, 10}.contains(a);
    case 172:
        return Prefix4{Ipv4Addr{172, 16, 0, 0}, 12}.contains(a);
    case 192:
        return Prefix4{Ipv4Addr{192, 168, 0, 0}, 16}.contains(a);
    default:
        return false;
    }
}

/// This network, loopback, link-local, multicast, class E and broadcast: neither source nor
/// destination of anything that crosses a router. Documentation and private ranges are not
/// among them.
[[nodiscard]] constexpr bool is_never_forwarded(Ipv4Addr a) noexcept {
    const auto first = a.bits() >> 24;
    return first >= 224 || first == 0 || first == 127 || a.bits() >> 16 == 0xa9fe;
}

/// RFC 6052 §3.1: addresses that the well-known prefix must not represent ("non-global IPv4
/// addresses, such as those defined in [RFC1918] or listed in Section 3 of [RFC5735]"):
/// everything that the IANA registry calls not globally reachable, documentation ranges
/// included. CHOICE(RFC 6052 §3.1): 192.88.99.0/24, which RFC 5735 lists and RFC 7526 retired,
/// is one of them; the two anycast addresses of 192.0.0.0/24 that the registry calls global are
/// not.
[[nodiscard]] constexpr bool is_global(Ipv4Addr a) noexcept {
    const auto in = [a](std::uint8_t w, std::uint8_t x, std::uint8_t y, unsigned length) {
        return Prefix4{Ipv4Addr{w, x, y, 0}, length}.contains(a);
    };
    switch (a.bits() >> 24) {
    case 192:
        if (in(192, 0, 0, 24))
            return a == Ipv4Addr{192, 0, 0, 9} || a == Ipv4Addr{192, 0, 0, 10};
        return !in(192, 0, 2, 24) && !in(192, 88, 99, 24) && !in(192, 168, 0, 16);
    case 198:
        return !in(198, 18, 0, 15) && !in(198, 51, 100, 24);
    case 203:
        return !in(203, 0, 113, 24);
    default:
        return !is_never_forwarded(a) && !is_private(a);
    }
}

/// Unspecified, loopback, link-local, multicast, IPv4-mapped and IPv4-compatible: what may not
/// be the source of a packet to be translated (RFC 7915 §5.1, RFC 4291 §2.5-§2.7).
[[nodiscard]] constexpr bool is_illegal_source(const Ipv6Addr& a) noexcept {
    switch (a.bytes()[0]) {
    case 0xff:
        return true;
    case 0xfe:
        return (a.bytes()[1] & 0xc0) == 0x80;
    case 0:
        return a.high() == 0 && (a.low() >> 32 == 0 || a.low() >> 32 == 0xffff);
    default:
        return false;
    }
}

} // namespace nat64
