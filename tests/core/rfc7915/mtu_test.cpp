// SPDX-License-Identifier: Apache-2.0
// core/rfc7915/mtu: arithmetic and plateaus.
#include "core/rfc7915/mtu.hpp"

#include <algorithm>
#include <array>
#include <cstdint>

#include <doctest/doctest.h>

using namespace nat64;
using namespace nat64::rfc7915;

namespace {

Settings with_mtus(unsigned ipv6_mtu, unsigned ipv4_mtu) {
    Settings settings;
    settings.ipv6_mtu = Mtu{ipv6_mtu};
    settings.ipv4_mtu = Mtu{ipv4_mtu};
    return settings;
}

} // namespace

TEST_CASE("RFC 7915 §5.2: Fragmentation Needed says the least of three MTUs") {
    struct Case {
        std::uint32_t advertised;
        unsigned ipv6_mtu;
        unsigned ipv4_mtu;
        unsigned expected;
    };

    constexpr Case cases[] = {
        {1400, 1500, 1500, 1380},          // the advertised one
        {9000, 1500, 9000, 1480},          // our IPv6 link
        {9000, 9000, 1500, 1500},          // our IPv4 link
        {1280, 1500, 1500, 1260},          // the smallest that IPv6 has
        {1000, 1500, 1500, 980},           // smaller ones are legal (RFC 7915 §5.2, RFC 8021)
        {0, 1500, 1500, 68},               // nonsense
        {10, 1500, 1500, 68},              //
        {0xffffffff, 1500, 1500, 1480},    //
        {0xffffffff, 100000, 90000, 65535} // larger than the field
    };
    for (const auto& c : cases) {
        CAPTURE(c.advertised);
        CHECK(mtu_to_ipv4(c.advertised, {}, with_mtus(c.ipv6_mtu, c.ipv4_mtu)) == c.expected);
    }
}

TEST_CASE("RFC 7915 §5.2: a Fragment header in the quoted packet counts as header") {
    PacketView quoted;
    quoted.has_fragment_header = true;
    CHECK(mtu_to_ipv4(1400, quoted, with_mtus(1500, 1500)) == 1372);
    CHECK(mtu_to_ipv4(9000, quoted, with_mtus(1500, 9000)) == 1472);
}

TEST_CASE("RFC 7915 §4.2: Packet Too Big says the least of three MTUs, but at least 1280") {
    struct Case {
        std::uint16_t advertised;
        unsigned ipv6_mtu;
        unsigned ipv4_mtu;
        unsigned expected;
    };

    constexpr Case cases[] = {
        {1400, 1500, 1500, 1420}, // the advertised one
        {1500, 1500, 1500, 1500}, // our IPv6 link
        {9000, 9000, 1500, 1520}, // our IPv4 link
        {1260, 1500, 1500, 1280}, //
        {1259, 1500, 1500, 1280}, // never below the minimum of IPv6
        {68, 1500, 1500, 1280},   //
        {1, 1500, 1500, 1280},    //
        {65535, 1280, 576, 1280}, //
        {65535, 100000, 100000, 65555},
    };
    for (const auto& c : cases) {
        CAPTURE(c.advertised);
        CHECK(mtu_to_ipv6(c.advertised, 1500, with_mtus(c.ipv6_mtu, c.ipv4_mtu)) == c.expected);
    }
}

TEST_CASE("RFC 7915 §4.2, RFC 1191 §7.1: MTU 0 means the plateau below the quoted length") {
    const auto settings = with_mtus(70000, 70000);
    CHECK(mtu_to_ipv6(0, 1500, settings) == 1512);
    CHECK(mtu_to_ipv6(0, 1492, settings) == 1280); // 1006 + 20 is less than IPv6 allows
    CHECK(mtu_to_ipv6(0, 2003, settings) == 2022);
    CHECK(mtu_to_ipv6(0, 576, settings) == 1280);
    CHECK(mtu_to_ipv6(0, 65535, settings) == 32020);
}

TEST_CASE("RFC 1191 §7.1: the plateau of every length is the largest one below it") {
    constexpr std::array<unsigned, 11> plateaus{
        68, 296, 508, 1006, 1492, 2002, 4352, 8166, 17914, 32000, 65535};
    for (std::uint32_t length = 0; length <= 70000; ++length) {
        unsigned expected = 68;
        for (const auto plateau : plateaus)
            if (plateau < length) expected = plateau;
        if (plateau_below(length) != expected) {
            CAPTURE(length);
            REQUIRE(plateau_below(length) == expected);
        }
    }
}
