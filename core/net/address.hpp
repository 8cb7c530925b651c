// SPDX-License-Identifier: Apache-2.0
// IP addresses and prefixes as values. An address knows its bytes (network order) and its text
// (RFC 5952 for IPv6); what an address means to a translator (RFC 6052) lives in
// core/rfc6052.hpp, and which ranges are special (RFC 6890) in core/net/special_addresses.hpp.
#pragma once

#include "core/net/bytes.hpp"

#include <array>
#include <bit>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace nat64 {

/// An IPv4 address. bits() is host order: 192.0.2.1 is 0xc0000201.
class Ipv4Addr {
public:
    constexpr Ipv4Addr() noexcept = default;

    constexpr explicit Ipv4Addr(std::uint32_t host_order) noexcept : bits_{host_order} {}

    constexpr Ipv4Addr(std::uint8_t a, std::uint8_t b, std::uint8_t c, std::uint8_t d) noexcept
        : bits_{std::uint32_t{a} << 24 | std::uint32_t{b} << 16 | std::uint32_t{c} << 8 | d} {}

    [[nodiscard]] constexpr std::uint32_t bits() const noexcept { return bits_; }

    /// Dotted quad only: exactly four decimal numbers without leading zeros. nullopt for
    /// anything else.
    [[nodiscard]] static std::optional<Ipv4Addr> parse(std::string_view text);
    [[nodiscard]] std::string to_string() const;

    friend constexpr auto operator<=>(const Ipv4Addr&, const Ipv4Addr&) noexcept = default;

private:
    std::uint32_t bits_ = 0;
};

/// An IPv6 address: sixteen bytes in network order.
class Ipv6Addr {
public:
    using Bytes = std::array<std::uint8_t, 16>;

    constexpr Ipv6Addr() noexcept = default;

    constexpr explicit Ipv6Addr(const Bytes& network_order) noexcept : bytes_{network_order} {}

    [[nodiscard]] constexpr const Bytes& bytes() const noexcept { return bytes_; }

    /// The text forms of RFC 4291 §2.2, without zone. nullopt for anything else.
    [[nodiscard]] static std::optional<Ipv6Addr> parse(std::string_view text);
    /// RFC 5952 form. CHOICE(RFC 5952 §5): IPv4-mapped and IPv4-compatible addresses end in a
    /// dotted quad, as the C library prints them; addresses in a NAT64 prefix do not.
    [[nodiscard]] std::string to_string() const;

    /// The two halves as integers in host order: high() is the first eight bytes.
    [[nodiscard]] constexpr std::uint64_t high() const noexcept { return halves()[0].value(); }

    [[nodiscard]] constexpr std::uint64_t low() const noexcept { return halves()[1].value(); }

    [[nodiscard]] static constexpr Ipv6Addr from_halves(std::uint64_t high,
                                                        std::uint64_t low) noexcept {
        return Ipv6Addr{std::bit_cast<Bytes>(Halves{Be64{high}, Be64{low}})};
    }

    /// The address with all bits behind the first `length` (0..128) cleared.
    [[nodiscard]] constexpr Ipv6Addr truncated(unsigned length) const noexcept {
        if (length >= 128) return *this;
        if (length > 64)
            return from_halves(high(), low() & ~std::uint64_t{0} << (128 - length));
        if (length == 0) return Ipv6Addr{};
        return from_halves(high() & ~std::uint64_t{0} << (64 - length), 0);
    }

    friend constexpr auto operator<=>(const Ipv6Addr&, const Ipv6Addr&) noexcept = default;

    /// Two words instead of a call of memcmp(): tables ask for every packet.
    friend constexpr bool operator==(const Ipv6Addr& a, const Ipv6Addr& b) noexcept {
        const auto [first, second] = differences(a, b);
        return (first | second) == 0;
    }

    /// The bits in which two addresses differ, in memory order.
    using Words = std::array<std::uint64_t, 2>;

    [[nodiscard]] static constexpr Words differences(const Ipv6Addr& a,
                                                     const Ipv6Addr& b) noexcept {
        const auto x = std::bit_cast<Words>(a.bytes_);
        const auto y = std::bit_cast<Words>(b.bytes_);
        return {x[0] ^ y[0], x[1] ^ y[1]};
    }

private:
    using Halves = std::array<Be64, 2>;

    [[nodiscard]] constexpr Halves halves() const noexcept {
        return std::bit_cast<Halves>(bytes_);
    }

    Bytes bytes_{};
};

/// An IPv4 prefix whose host bits are zero by construction.
class Prefix4 {
public:
    constexpr Prefix4() noexcept = default;

    /// Clears the host bits. `length` is 0..32.
    constexpr Prefix4(Ipv4Addr address, unsigned length) noexcept
        : address_{address.bits() & mask(length)}, length_{static_cast<std::uint8_t>(length)} {}

    /// "192.0.2.0/28", or an address alone for a /32. Set host bits are an error: nullopt.
    [[nodiscard]] static std::optional<Prefix4> parse(std::string_view text);
    [[nodiscard]] std::string to_string() const;

    [[nodiscard]] constexpr Ipv4Addr address() const noexcept { return address_; }

    [[nodiscard]] constexpr unsigned length() const noexcept { return length_; }

    /// Number of addresses, 1 .. 2^32.
    [[nodiscard]] constexpr std::uint64_t size() const noexcept {
        return 1ULL << (32 - length_);
    }

    [[nodiscard]] constexpr bool contains(Ipv4Addr a) const noexcept {
        return (a.bits() & mask(length_)) == address_.bits();
    }

    [[nodiscard]] constexpr bool overlaps(const Prefix4& other) const noexcept {
        return length_ <= other.length_ ? contains(other.address_) : other.contains(address_);
    }

    friend constexpr auto operator<=>(const Prefix4&, const Prefix4&) noexcept = default;

private:
    static constexpr std::uint32_t mask(unsigned length) noexcept {
        return length == 0 ? 0 : ~std::uint32_t{0} << (32 - length);
    }

    Ipv4Addr address_;
    std::uint8_t length_ = 0;
};

/// An IPv6 prefix whose host bits are zero by construction.
class Prefix6 {
public:
    constexpr Prefix6() noexcept = default;

    /// Clears the host bits. `length` is 0..128.
    constexpr Prefix6(const Ipv6Addr& address, unsigned length) noexcept
        : address_{address.truncated(length)}, length_{static_cast<std::uint8_t>(length)} {}

    /// "2001:db8::/32", or an address alone for a /128. Set host bits are an error: nullopt.
    [[nodiscard]] static std::optional<Prefix6> parse(std::string_view text);
    [[nodiscard]] std::string to_string() const;

    [[nodiscard]] constexpr const Ipv6Addr& address() const noexcept { return address_; }

    [[nodiscard]] constexpr unsigned length() const noexcept { return length_; }

    [[nodiscard]] constexpr bool contains(const Ipv6Addr& a) const noexcept {
        return a.truncated(length_) == address_;
    }

    [[nodiscard]] constexpr bool overlaps(const Prefix6& other) const noexcept {
        return length_ <= other.length_ ? contains(other.address_) : other.contains(address_);
    }

    friend constexpr auto operator<=>(const Prefix6&, const Prefix6&) noexcept = default;

private:
    Ipv6Addr address_;
    std::uint8_t length_ = 0;
};

} // namespace nat64
