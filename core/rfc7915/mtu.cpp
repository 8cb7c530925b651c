// SPDX-License-Identifier: Apache-2.0
// CHOICE(RFC 7915 §5.2): a result below 68, which no IPv4 link may have, becomes 68; the RFC's
// formula would wrap around for an absurd advertised MTU.
#include "core/rfc7915/mtu.hpp"

#include "core/net/headers.hpp"
#include "core/net/packet_view.hpp"
#include "core/rfc7915/rfc7915.hpp"

#include <algorithm>
#include <array>
#include <cstdint>

namespace nat64::rfc7915 {

namespace {

/// IPv6 header less IPv4 header, both without options.
constexpr std::uint32_t kHeaderDifference = 20;

/// RFC 1191 §7.1, table 7-1.
constexpr std::array<std::uint16_t, 11> kPlateaus{
    65535, 32000, 17914, 8166, 4352, 2002, 1492, 1006, 508, 296, 68};

std::uint32_t less(std::uint32_t mtu, std::uint32_t difference) noexcept {
    return mtu > difference ? mtu - difference : 0;
}

} // namespace

std::uint16_t mtu_to_ipv4(std::uint32_t advertised,
                          const PacketView& quoted,
                          const Settings& settings) noexcept {
    const auto fragment_header =
        quoted.has_fragment_header ? std::uint32_t{sizeof(Ipv6FragmentHeader)} : 0;
    const auto difference = kHeaderDifference + fragment_header;
    const auto mtu = std::min({less(advertised, difference),
                               settings.ipv4_mtu.bytes(),
                               less(settings.ipv6_mtu.bytes(), difference)});
    return static_cast<std::uint16_t>(std::clamp(mtu, kMinIpv4Mtu, 0xffffU));
}

std::uint32_t mtu_to_ipv6(std::uint16_t advertised,
                          std::uint32_t quoted_length,
                          const Settings& settings) noexcept {
    const std::uint32_t known = advertised != 0 ? advertised : plateau_below(quoted_length);
    const auto mtu = std::min({known + kHeaderDifference,
                               settings.ipv6_mtu.bytes(),
                               settings.ipv4_mtu.bytes() + kHeaderDifference});
    return std::max(mtu, kMinIpv6Mtu);
}

std::uint16_t plateau_below(std::uint32_t length) noexcept {
    const auto* const plateau = std::ranges::find_if(
        kPlateaus, [length](std::uint16_t candidate) { return candidate < length; });
    return plateau == kPlateaus.end() ? kPlateaus.back() : *plateau;
}

} // namespace nat64::rfc7915
