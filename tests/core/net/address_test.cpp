// SPDX-License-Identifier: Apache-2.0
// Addresses and prefixes against the C library's inet_pton() and inet_ntop(), and the worked
// examples of the RFCs.
#include "core/net/address.hpp"
#include "core/net/transport.hpp"
#include "tests/support/rng.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <doctest/doctest.h>

#include <arpa/inet.h>

namespace nat64 {
namespace {

std::string libc_text(const Ipv6Addr& a) {
    std::array<char, INET6_ADDRSTRLEN> text{};
    inet_ntop(AF_INET6, a.bytes().data(), text.data(), text.size());
    return text.data();
}

std::optional<Ipv6Addr> libc_parse6(const std::string& text) {
    Ipv6Addr::Bytes bytes{};
    if (inet_pton(AF_INET6, text.c_str(), bytes.data()) != 1) return {};
    return Ipv6Addr{bytes};
}

std::optional<Ipv4Addr> libc_parse4(const std::string& text) {
    in_addr address{};
    if (inet_pton(AF_INET, text.c_str(), &address) != 1) return {};
    return Ipv4Addr{ntohl(address.s_addr)};
}

/// An address with many zero groups, where the rules of RFC 5952 differ.
Ipv6Addr sparse_address(test::Random& random) {
    Ipv6Addr::Bytes bytes{};
    for (std::size_t group = 0; group < 8; ++group) {
        if (random.one_in(2)) continue;
        const auto word = random.one_in(3) ? 0xffff : random.word();
        bytes[2 * group] = static_cast<std::uint8_t>(random.one_in(3) ? 0 : word >> 8);
        bytes[2 * group + 1] = static_cast<std::uint8_t>(word & 0xff);
    }
    return Ipv6Addr{bytes};
}

TEST_CASE("RFC 5952 §4: IPv6 text is what inet_ntop() prints, and reads back") {
    test::Random random{1};
    for (int i = 0; i < 20000; ++i) {
        const auto address = i % 4 == 0 ? random.ipv6() : sparse_address(random);
        const auto text = address.to_string();
        REQUIRE(text == libc_text(address));
        REQUIRE(Ipv6Addr::parse(text) == address);
    }
}

TEST_CASE("RFC 5952 §4: canonical text") {
    const char* const canonical[] = {
        "::",
        "::1",
        "1::",
        "2001:db8::1",
        "2001:db8::1:0:0:1",
        "2001:db8:0:1:1:1:1:1",
        "2001:0:0:1::1",
        "::ffff:192.0.2.1",
        "::192.0.2.1",
        "64:ff9b::c000:201",
        "fe80::1",
        "1:2:3:4:5:6:7:8",
        "2001:db8:122:344:c0:2:2100:0",
    };
    for (const auto* const text : canonical) {
        CAPTURE(text);
        REQUIRE(Ipv6Addr::parse(text));
        CHECK(Ipv6Addr::parse(text)->to_string() == text);
    }
}

TEST_CASE("RFC 4291 §2.2: what is and what is not an IPv6 address") {
    const char* const texts[] = {
        "",
        ":",
        ":::",
        "::",
        "1",
        "1:2:3:4:5:6:7",
        "1:2:3:4:5:6:7:8:9",
        "1:2:3:4:5:6:7::",
        "::2:3:4:5:6:7:8",
        "1::2:3:4:5:6:7:8",
        "1:2:3:4:5:6:7:8::",
        "::1:2:3:4:5:6:7:8",
        "1::2::3",
        "1:",
        ":1",
        "1:2:3:4:5:6:7:",
        ":1:2:3:4:5:6:7",
        "12345::",
        "g::",
        "::1.2.3.4",
        "::1.2.3",
        "::1.2.3.256",
        "::01.2.3.4",
        "1.2.3.4::",
        "1.2.3.4",
        "1:2:3:4:5:6:1.2.3.4",
        "1:2:3:4:5:6:7:1.2.3.4",
        "1:2:3:4:5:1.2.3.4",
        "::1.2.3.4:5",
        "::ffff:1.2.3.4",
        "fe80::1%eth0",
        "FE80::ABCD",
        " ::1",
        "::1 ",
        "0000::00001",
        "::-1",
        "::+1",
        "::0x1",
        "1:2:3::4.5.6.7",
        "::1.2.3.4.",
    };
    for (const auto* const text : texts) {
        CAPTURE(text);
        CHECK(Ipv6Addr::parse(text) == libc_parse6(text));
    }
}

TEST_CASE("RFC 4291 §2.2: broken text is never read, whatever the break") {
    test::Random random{2};
    constexpr std::string_view kAlphabet = "0123456789abcdefF:.:.:/ g";
    for (int i = 0; i < 50000; ++i) {
        auto text = sparse_address(random).to_string();
        for (auto n = random.between(1, 3); n > 0; --n) {
            const auto at = random.between(0, text.size() - 1);
            text[at] = kAlphabet[random.between(0, kAlphabet.size() - 1)];
        }
        CAPTURE(text);
        REQUIRE(Ipv6Addr::parse(text) == libc_parse6(text));
    }
}

TEST_CASE("IPv4 text: exactly four decimal numbers, no leading zeros") {
    const char* const texts[] = {
        "0.0.0.0",    "192.0.2.33", "255.255.255.255", "256.0.0.1", "1.2.3",    "1.2.3.4.5",
        "1.2.3.",     ".1.2.3",     "1..2.3",          "01.2.3.4",  "1.2.3.00", "1.2.3.4 ",
        " 1.2.3.4",   "1.2.3.-4",   "0x1.2.3.4",       "1.2.3.4/8", "",         "...",
        "1234.1.1.1", "1.2.3.a",
    };
    for (const auto* const text : texts) {
        CAPTURE(text);
        CHECK(Ipv4Addr::parse(text) == libc_parse4(text));
    }
    test::Random random{3};
    for (int i = 0; i < 1000; ++i) {
        const auto address = random.ipv4();
        REQUIRE(libc_parse4(address.to_string()) == address);
        REQUIRE(Ipv4Addr::parse(address.to_string()) == address);
    }
}

TEST_CASE("Prefix text: set host bits and impossible lengths are errors") {
    for (const auto* const text : {"192.0.2.0/28", "0.0.0.0/0", "192.0.2.1/32"}) {
        CAPTURE(text);
        REQUIRE(Prefix4::parse(text));
        CHECK(Prefix4::parse(text)->to_string() == text);
    }
    CHECK(Prefix4::parse("192.0.2.1")->length() == 32);
    for (const auto* const text : {"192.0.2.1/28",
                                   "192.0.2.0/33",
                                   "192.0.2.0/",
                                   "192.0.2.0/028",
                                   "192.0.2.0/ 28",
                                   "/28",
                                   "192.0.2.0/28/1",
                                   "192.0.2.0/-1",
                                   "192.0.2.0/4294967328",
                                   "2001:db8::/28"})
        CHECK_MESSAGE(!Prefix4::parse(text), text);
    for (const auto* const text :
         {"2001:db8::/32", "::/0", "2001:db8::1/128", "64:ff9b::/96"}) {
        CAPTURE(text);
        REQUIRE(Prefix6::parse(text));
        CHECK(Prefix6::parse(text)->to_string() == text);
    }
    CHECK(Prefix6::parse("2001:db8::1")->length() == 128);
    for (const auto* const text : {"2001:db8::1/32",
                                   "2001:db8::/129",
                                   "2001:db8::/",
                                   "::/00",
                                   "2001:db8::/+32",
                                   "192.0.2.0/28"})
        CHECK_MESSAGE(!Prefix6::parse(text), text);
}

/// Bit by bit.
bool naive_same_prefix(const Ipv6Addr& a, const Ipv6Addr& b, unsigned length) {
    for (unsigned bit = 0; bit < length; ++bit) {
        const auto mask = static_cast<std::uint8_t>(0x80U >> bit % 8);
        if ((a.bytes()[bit / 8] & mask) != (b.bytes()[bit / 8] & mask)) return false;
    }
    return true;
}

TEST_CASE("A prefix contains what agrees with it in its length's bits") {
    test::Random random{4};
    for (unsigned length = 0; length <= 128; ++length) {
        const auto base = random.ipv6();
        const Prefix6 prefix{base, length};
        REQUIRE(naive_same_prefix(prefix.address(), base, length));
        REQUIRE(prefix.contains(base));
        for (unsigned bit = 0; bit < 128; ++bit) {
            auto bytes = base.bytes();
            bytes[bit / 8] ^= static_cast<std::uint8_t>(0x80U >> bit % 8);
            REQUIRE(prefix.contains(Ipv6Addr{bytes}) == (bit >= length));
        }
    }
    for (unsigned length = 0; length <= 32; ++length) {
        const auto base = random.ipv4();
        const Prefix4 prefix{base, length};
        for (unsigned bit = 0; bit < 32; ++bit)
            REQUIRE(prefix.contains(Ipv4Addr{base.bits() ^ 0x80000000U >> bit}) ==
                    (bit >= length));
    }
}

TEST_CASE("Prefixes overlap when one contains the other's address") {
    const auto p4 = [](const char* text) { return *Prefix4::parse(text); };
    CHECK(p4("10.0.0.0/8").overlaps(p4("10.1.0.0/16")));
    CHECK(p4("10.1.0.0/16").overlaps(p4("10.0.0.0/8")));
    CHECK(p4("0.0.0.0/0").overlaps(p4("255.255.255.255")));
    CHECK(!p4("192.0.2.0/25").overlaps(p4("192.0.2.128/25")));
    const auto p6 = [](const char* text) { return *Prefix6::parse(text); };
    CHECK(p6("2001:db8::/32").overlaps(p6("2001:db8:ffff::/48")));
    CHECK(p6("::/0").overlaps(p6("2001:db8::1")));
    CHECK(!p6("2001:db8::/33").overlaps(p6("2001:db8:8000::/33")));
    CHECK(p4("192.0.2.0/28").size() == 16);
    CHECK(p4("0.0.0.0/0").size() == 1ULL << 32);
}

TEST_CASE("RFC 5952 §6: an IPv6 transport address stands in brackets") {
    CHECK(Endpoint6{*Ipv6Addr::parse("2001:db8::1"), Port{80}}.to_string() ==
          "[2001:db8::1]:80");
    CHECK(Endpoint4{Ipv4Addr{192, 0, 2, 1}, Port{65535}}.to_string() == "192.0.2.1:65535");
}

TEST_CASE("Halves of an IPv6 address are big-endian integers") {
    const auto address = *Ipv6Addr::parse("1:203:405:607:809:a0b:c0d:e0f");
    CHECK(address.high() == 0x0001'0203'0405'0607);
    CHECK(address.low() == 0x0809'0a0b'0c0d'0e0f);
    CHECK(Ipv6Addr::from_halves(address.high(), address.low()) == address);
}

} // namespace
} // namespace nat64
