// SPDX-License-Identifier: Apache-2.0
// RFC 6052: IPv4 addresses embedded in IPv6 addresses. Nat64Prefix is a prefix of one of the
// six lengths, valid by construction; embed() and extract() are §2.2 and §2.3. The rule of §3.1
// about the well-known prefix needs to know which IPv4 addresses are global:
// core/net/special_addresses.hpp. What runs for every packet is inline.
//
// With /96 the IPv4 address is the last 32 bits. With the shorter ones, 32+k bits long with
// k = 0, 8, 16, 24 or 32, it goes round the u octet, bits 64 to 71:
//
//     high half                           low half
//     | prefix, 32+k bits | v4, 32-k | u = 0, 8 bits | v4, k | suffix, 56-k bits |
#pragma once

#include "core/net/address.hpp"

#include <cstdint>
#include <optional>
#include <string>

namespace nat64::rfc6052 {

class Nat64Prefix {
public:
    /// The well-known prefix 64:ff9b::/96 (RFC 6052 §2.1).
    Nat64Prefix() noexcept;

    /// nullopt unless the length is 32, 40, 48, 56, 64 or 96 and bits 64 to 71 are zero (RFC
    /// 6052 §2.2).
    [[nodiscard]] static std::optional<Nat64Prefix> from(const Prefix6& prefix) noexcept;

    [[nodiscard]] const Prefix6& prefix() const noexcept { return prefix_; }

    [[nodiscard]] bool is_well_known() const noexcept;

    /// RFC 8215: within 64:ff9b:1::/48, the prefixes for local use.
    [[nodiscard]] bool is_local_use() const noexcept;

    [[nodiscard]] bool contains(const Ipv6Addr& a) const noexcept {
        const auto [first, second] = Ipv6Addr::differences(a, prefix_.address());
        return ((first & mask_[0]) | (second & mask_[1])) == 0;
    }

    /// RFC 6052 §2.2; the u octet and the suffix are zero.
    [[nodiscard]] Ipv6Addr embed(Ipv4Addr v4) const noexcept {
        const auto& base = prefix_.address();
        const std::uint64_t bits = v4.bits();
        if (prefix_.length() == 96)
            return Ipv6Addr::from_halves(base.high(), base.low() | bits);
        const auto k = prefix_.length() - 32;
        const auto behind_u = bits & ((std::uint64_t{1} << k) - 1);
        return Ipv6Addr::from_halves(base.high() | bits >> k, behind_u << (56 - k));
    }

    /// RFC 6052 §2.3: the IPv4 address at its place in an address inside the prefix. The
    /// suffix is ignored (§2.2: "SHOULD be set to zero"); nullopt outside the prefix or if the
    /// u octet is not zero.
    [[nodiscard]] std::optional<Ipv4Addr> extract(const Ipv6Addr& v6) const noexcept {
        if (!embeds(v6)) return {};
        return embedded_in(v6);
    }

    /// extract() in two steps.
    [[nodiscard]] bool embeds(const Ipv6Addr& v6) const noexcept {
        return contains(v6) && (prefix_.length() == 96 || v6.bytes()[8] == 0);
    }

    [[nodiscard]] Ipv4Addr embedded_in(const Ipv6Addr& v6) const noexcept {
        if (prefix_.length() == 96) return Ipv4Addr{static_cast<std::uint32_t>(v6.low())};
        const auto k = prefix_.length() - 32;
        return Ipv4Addr{static_cast<std::uint32_t>(v6.high() << k | v6.low() >> (56 - k))};
    }

    [[nodiscard]] std::string to_string() const { return prefix_.to_string(); }

    friend bool operator==(const Nat64Prefix& a, const Nat64Prefix& b) noexcept {
        return a.prefix_ == b.prefix_;
    }

private:
    explicit Nat64Prefix(const Prefix6& prefix) noexcept;

    Prefix6 prefix_;
    Ipv6Addr::Words mask_; ///< of the prefix, in memory order
};

} // namespace nat64::rfc6052
