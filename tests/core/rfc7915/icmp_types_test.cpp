// SPDX-License-Identifier: Apache-2.0
// core/rfc7915/icmp_types: the tables of RFC 7915 §4.2 and §5.2, each written down a second
// time from the RFC, and every pair of type and code that there is.
#include "core/rfc7915/icmp_types.hpp"
#include "tests/core/rfc7915/translate.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include <doctest/doctest.h>

using namespace nat64;
using namespace nat64::rfc7915;
using namespace nat64::test;

namespace {

using TypeCode = std::pair<unsigned, unsigned>;

/// RFC 7915 §4.2, errors but Time Exceeded, with a pointer to the first byte.
const std::map<TypeCode, TypeCode> kErrors4{
    {{3, 0}, {1, 0}},
    {{3, 1}, {1, 0}},
    {{3, 2}, {4, 1}},
    {{3, 3}, {1, 4}},
    {{3, 4}, {2, 0}},
    {{3, 5}, {1, 0}},
    {{3, 6}, {1, 0}},
    {{3, 7}, {1, 0}},
    {{3, 8}, {1, 0}},
    {{3, 9}, {1, 1}},
    {{3, 10}, {1, 1}},
    {{3, 11}, {1, 0}},
    {{3, 12}, {1, 0}},
    {{3, 13}, {1, 1}},
    {{3, 15}, {1, 1}},
    {{12, 0}, {4, 0}},
    {{12, 2}, {4, 0}},
};

/// RFC 7915 §5.2, errors but Time Exceeded and Packet Too Big, with a pointer to the first
/// byte.
const std::map<TypeCode, TypeCode> kErrors6{
    {{1, 0}, {3, 1}},
    {{1, 1}, {3, 10}},
    {{1, 2}, {3, 1}},
    {{1, 3}, {3, 1}},
    {{1, 4}, {3, 3}},
    {{4, 0}, {12, 0}},
    {{4, 1}, {3, 2}},
};

std::optional<TypeCode> expected_of_ipv4(unsigned type, unsigned code) {
    if (type == 0 || type == 8) return TypeCode{type == 0 ? 129 : 128, code};
    if (type == 11) return TypeCode{3, code};
    const auto found = kErrors4.find({type, code});
    return found == kErrors4.end() ? std::nullopt : std::optional{found->second};
}

std::optional<TypeCode> expected_of_ipv6(unsigned type, unsigned code) {
    if (type == 128 || type == 129) return TypeCode{type == 128 ? 8 : 0, code};
    if (type == 3) return TypeCode{11, code};
    if (type == 2) return TypeCode{3, 4};
    const auto found = kErrors6.find({type, code});
    return found == kErrors6.end() ? std::nullopt : std::optional{found->second};
}

/// Takes every type and code through check and rewrite; `quoted` is what an error quotes,
/// `icmp` the offset of the ICMP header in what comes out.
template <typename Expected>
void check_all(const PacketBuilder& from, View quoted, std::size_t icmp, Expected expected) {
    Translate translate;
    std::size_t translated = 0;
    for (unsigned type = 0; type < 256; ++type) {
        for (unsigned code = 0; code < 256; ++code) {
            CAPTURE(type);
            CAPTURE(code);
            auto packet = from;
            packet.icmp(type, code).payload(quoted);
            const std::optional<TypeCode> wanted = expected(type, code);
            if (!wanted) {
                REQUIRE(translate.verdict(packet) == "unknown_icmp_type");
                continue;
            }
            ++translated;
            const auto sent = translate.one(packet);
            REQUIRE(TypeCode{get8(sent.bytes, icmp), get8(sent.bytes, icmp + 1)} == *wanted);
        }
    }
    CHECK(translated > 512);
}

} // namespace

TEST_CASE("RFC 7915 §4.2: every ICMPv4 type and code is translated or dropped silently") {
    const auto quoted = outbound4().udp(kMappedPort, kServerPort).payload(8).bytes();
    check_all(inbound4(), quoted, 40, expected_of_ipv4);
}

TEST_CASE("RFC 7915 §5.2: every ICMPv6 type and code is translated or dropped silently") {
    const auto quoted = inbound6().udp(kServerPort, kClientPort).payload(8).bytes();
    check_all(outbound6(), quoted, 20, expected_of_ipv6);
}

TEST_CASE("RFC 7915 §4.2: Protocol Unreachable points at the Next Header field") {
    const auto mapped = map_icmpv4_error(3, 2, 0);
    REQUIRE(mapped.has_value());
    CHECK(*mapped == MappedError{4, 1, ErrorField::Pointer, 6});
}

TEST_CASE("RFC 7915 Figure 3: every ICMPv4 pointer") {
    const std::map<unsigned, unsigned> figure{{0, 0},
                                              {1, 1},
                                              {2, 4},
                                              {3, 4},
                                              {8, 7},
                                              {9, 6},
                                              {12, 8},
                                              {13, 8},
                                              {14, 8},
                                              {15, 8},
                                              {16, 24},
                                              {17, 24},
                                              {18, 24},
                                              {19, 24}};
    for (unsigned pointer = 0; pointer < 256; ++pointer) {
        CAPTURE(pointer);
        const auto found = figure.find(pointer);
        for (const std::uint8_t code : {std::uint8_t{0}, std::uint8_t{2}}) {
            const auto mapped = map_icmpv4_error(12, code, pointer << 24 | 0xffffff);
            REQUIRE(mapped.has_value() == (found != figure.end()));
            if (mapped) CHECK(mapped->pointer == found->second);
        }
    }
}

TEST_CASE("RFC 7915 Figure 6: every ICMPv6 pointer") {
    std::map<unsigned, unsigned> figure{{0, 0}, {1, 1}, {4, 2}, {5, 2}, {6, 9}, {7, 8}};
    for (unsigned i = 8; i < 24; ++i)
        figure[i] = 12;
    for (unsigned i = 24; i < 40; ++i)
        figure[i] = 16;
    for (unsigned pointer = 0; pointer < 70000; ++pointer) {
        const auto found = figure.find(pointer);
        const auto mapped = map_icmpv6_error(4, 0, pointer);
        CAPTURE(pointer);
        REQUIRE(mapped.has_value() == (found != figure.end()));
        if (mapped) REQUIRE(mapped->pointer == found->second);
    }
    CHECK_FALSE(map_icmpv6_error(4, 0, 0x01000000).has_value());
    CHECK_FALSE(map_icmpv6_error(4, 0, 0xffffffff).has_value());
}
