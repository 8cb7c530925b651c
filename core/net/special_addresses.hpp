// SPDX-License-Identifier: Apache-2.0
// The special-purpose address registries (RFC 6890 and its updates) as far as a translator must
// obey them.
#pragma once

#include "core/net/address.hpp"

namespace nat64 {

/// RFC 6052 §3.1: addresses that the well-known prefix must not represent ("non-global IPv4
/// addresses, such as those defined in [RFC1918] or listed in Section 3 of [RFC5735]"):
/// everything that the IANA registry calls not globally reachable, documentation ranges
/// included.
[[nodiscard]] bool is_global(Ipv4Addr a) noexcept;

/// RFC 1918 and 100.64.0.0/10 (RFC 6598).
[[nodiscard]] bool is_private(Ipv4Addr a) noexcept;

/// This network, loopback, link-local, multicast, class E and broadcast: neither source nor
/// destination of anything that crosses a router. Documentation and private ranges are not
/// among them.
[[nodiscard]] bool is_never_forwarded(Ipv4Addr a) noexcept;

/// 224.0.0.0/4.
[[nodiscard]] bool is_multicast(Ipv4Addr a) noexcept;

/// Unspecified, loopback, link-local, multicast, IPv4-mapped and IPv4-compatible: what may not
/// be the source of a packet to be translated (RFC 7915 §5.1, RFC 4291 §2.5-§2.7).
[[nodiscard]] bool is_illegal_source(const Ipv6Addr& a) noexcept;

/// ff00::/8.
[[nodiscard]] bool is_multicast(const Ipv6Addr& a) noexcept;

} // namespace nat64
