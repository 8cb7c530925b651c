// SPDX-License-Identifier: Apache-2.0
// Every worked example of RFC 6052, and all six prefix lengths against a bit-by-bit oracle.
#include "core/net/address.hpp"
#include "core/rfc6052.hpp"
#include "tests/support/rng.hpp"

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>

#include <doctest/doctest.h>

namespace nat64::rfc6052 {
namespace {

constexpr unsigned kLengths[] = {32, 40, 48, 56, 64, 96};

Nat64Prefix prefix_of(std::string_view text) {
    return Nat64Prefix::from(Prefix6::parse(text).value()).value();
}

Ipv6Addr six(std::string_view text) {
    return Ipv6Addr::parse(text).value();
}

struct Example {
    const char* prefix;
    const char* v4;
    const char* embedded;
};

constexpr Example kExamples[] = {
    // RFC 6052 §2.4, table 2
    {"2001:db8::/32", "192.0.2.33", "2001:db8:c000:221::"},
    {"2001:db8:100::/40", "192.0.2.33", "2001:db8:1c0:2:21::"},
    {"2001:db8:122::/48", "192.0.2.33", "2001:db8:122:c000:2:2100::"},
    {"2001:db8:122:300::/56", "192.0.2.33", "2001:db8:122:3c0:0:221::"},
    {"2001:db8:122:344::/64", "192.0.2.33", "2001:db8:122:344:c0:2:2100::"},
    {"2001:db8:122:344::/96", "192.0.2.33", "2001:db8:122:344::192.0.2.33"},
    // RFC 6052 §2.4, table 3
    {"64:ff9b::/96", "192.0.2.33", "64:ff9b::192.0.2.33"},
    // RFC 6052 §2.2: bits 64 to 71 stay zero
    {"2001:db8::/32", "255.255.255.255", "2001:db8:ffff:ffff::"},
    {"2001:db8:100::/40", "255.255.255.255", "2001:db8:1ff:ffff:ff::"},
    {"2001:db8:122::/48", "255.255.255.255", "2001:db8:122:ffff:ff:ff00::"},
    {"2001:db8:122:300::/56", "255.255.255.255", "2001:db8:122:3ff:ff:ffff::"},
    {"2001:db8:122:344::/64", "255.255.255.255", "2001:db8:122:344:ff:ffff:ff00::"},
};

TEST_CASE("RFC 6052 §2.4: the worked examples, both ways") {
    for (const auto& example : kExamples) {
        CAPTURE(example.prefix);
        const auto prefix = prefix_of(example.prefix);
        const auto v4 = Ipv4Addr::parse(example.v4).value();
        CHECK(prefix.embed(v4) == six(example.embedded));
        CHECK(prefix.extract(six(example.embedded)) == v4);
        CHECK(prefix.contains(six(example.embedded)));
    }
}

/// RFC 6052 §2.2, figure 1, bit by bit: the address goes from the prefix's end onwards, leaping
/// over bits 64 to 71.
Ipv6Addr naive_embed(const Prefix6& prefix, Ipv4Addr v4) {
    auto bytes = prefix.address().bytes();
    unsigned at = prefix.length();
    for (unsigned bit = 0; bit < 32; ++bit, ++at) {
        if (at == 64) at = 72;
        if ((v4.bits() >> (31 - bit) & 1U) != 0)
            bytes[at / 8] |= static_cast<std::uint8_t>(0x80U >> at % 8);
    }
    return Ipv6Addr{bytes};
}

/// A random prefix that RFC 6052 §2.2 allows.
Prefix6 random_prefix(test::Random& random, unsigned length) {
    auto bytes = random.ipv6().bytes();
    bytes[8] = 0;
    return Prefix6{Ipv6Addr{bytes}, length};
}

TEST_CASE("RFC 6052 §2.2: all six lengths place the address as figure 1 draws it") {
    test::Random random{1};
    for (const auto length : kLengths)
        for (int i = 0; i < 2000; ++i) {
            const auto plain = random_prefix(random, length);
            const auto prefix = Nat64Prefix::from(plain).value();
            const auto v4 = random.ipv4();
            const auto v6 = prefix.embed(v4);
            REQUIRE(v6 == naive_embed(plain, v4));
            REQUIRE(v6.bytes()[8] == 0);
            REQUIRE(prefix.contains(v6));
            REQUIRE(prefix.extract(v6) == v4);
        }
}

TEST_CASE("RFC 6052 §2.3: an address outside the prefix holds no IPv4 address") {
    test::Random random{2};
    for (const auto length : kLengths) {
        const auto prefix = Nat64Prefix::from(random_prefix(random, length)).value();
        const auto inside = prefix.embed(random.ipv4()).bytes();
        for (unsigned bit = 0; bit < length; ++bit) {
            auto bytes = inside;
            bytes[bit / 8] ^= static_cast<std::uint8_t>(0x80U >> bit % 8);
            REQUIRE(!prefix.contains(Ipv6Addr{bytes}));
            REQUIRE(!prefix.extract(Ipv6Addr{bytes}));
        }
    }
}

TEST_CASE(
    "RFC 6052 §2.2: a u octet that is not zero holds no IPv4 address, a suffix is ignored") {
    test::Random random{3};
    for (const auto length : kLengths) {
        if (length == 96) continue; // the u octet is part of the prefix
        const auto prefix = Nat64Prefix::from(random_prefix(random, length)).value();
        const auto v4 = random.ipv4();
        auto bytes = prefix.embed(v4).bytes();
        bytes[15] = 0x5a; // bits 120 to 127 are suffix at every length
        CHECK(prefix.extract(Ipv6Addr{bytes}) == v4);
        bytes[8] = 1;
        CHECK(!prefix.extract(Ipv6Addr{bytes}));
        CHECK(prefix.contains(Ipv6Addr{bytes}));
    }
}

TEST_CASE("RFC 6052 §2.2: the six lengths and no others, bits 64 to 71 zero") {
    for (unsigned length = 0; length <= 128; ++length) {
        const bool allowed = std::ranges::find(kLengths, length) != std::end(kLengths);
        CAPTURE(length);
        CHECK(Nat64Prefix::from(Prefix6{Ipv6Addr{}, length}).has_value() == allowed);
    }
    CHECK(!Nat64Prefix::from(*Prefix6::parse("2001:db8:0:0:100::/96")));
    CHECK(!Nat64Prefix::from(*Prefix6::parse("2001:db8:0:0:ff00::/96")));
    CHECK(Nat64Prefix::from(*Prefix6::parse("2001:db8:0:0:ff::/96")));
}

TEST_CASE("RFC 6052 §2.1: the well-known prefix is 64:ff9b::/96 and nothing near it") {
    CHECK(Nat64Prefix{}.to_string() == "64:ff9b::/96");
    CHECK(Nat64Prefix{}.is_well_known());
    CHECK(prefix_of("64:ff9b::/96").is_well_known());
    CHECK(!prefix_of("64:ff9b::/64").is_well_known());
    CHECK(!prefix_of("64:ff9b:0:0:0:1::/96").is_well_known());
    CHECK(!prefix_of("2001:db8::/96").is_well_known());
}

TEST_CASE("RFC 8215 §3: local use is what lies in 64:ff9b:1::/48") {
    CHECK(prefix_of("64:ff9b:1::/48").is_local_use());
    CHECK(prefix_of("64:ff9b:1:abcd::/96").is_local_use());
    CHECK(prefix_of("64:ff9b:1:fffe::/64").is_local_use());
    CHECK(!prefix_of("64:ff9b:1::/48").is_well_known());
    CHECK(!prefix_of("64:ff9b::/96").is_local_use());
    CHECK(!prefix_of("64:ff9b::/40").is_local_use());
    CHECK(!prefix_of("64:ff9b:2::/48").is_local_use());
}

} // namespace
} // namespace nat64::rfc6052
