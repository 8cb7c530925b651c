// SPDX-License-Identifier: Apache-2.0
// core/rfc7915/icmpv4_to_icmpv6: ICMPv4 errors with the packets they quote. Types and codes are
// icmp_types_test's, layout of extensions in general quote_test's.
#include "tests/core/rfc7915/translate.hpp"

#include <cstddef>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

using namespace nat64;
using namespace nat64::test;

namespace {

/// A packet that the translator sent and the one it had been made of.
using Pair = std::pair<PacketBuilder, PacketBuilder>;

Pair udp(std::size_t size) {
    return {outbound4().udp(kMappedPort, kServerPort).payload(size),
            outbound6().udp(kClientPort, kServerPort).payload(size)};
}

Pair tcp(std::size_t size) {
    return {outbound4().dont_fragment().tcp(kMappedPort, kServerPort).payload(size),
            outbound6().tcp(kClientPort, kServerPort).payload(size)};
}

Pair echo(std::size_t size) {
    return {outbound4().echo_request(kMappedPort).payload(size),
            outbound6().echo_request(kClientPort).payload(size)};
}

Bytes head(const Bytes& bytes, std::size_t size) {
    return {bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(size)};
}

Bytes expected_error(unsigned type, unsigned code, std::uint32_t rest, View quoted) {
    return inbound6().icmp(type, code, rest).payload(quoted).bytes();
}

} // namespace

TEST_CASE(
    "RFC 7915 §4.3: the quoted packet is translated like any other, hop limit untouched") {
    Translate translate;
    translate.settings.hop_policy = rfc7915::HopPolicy::Decrement;
    for (auto [quoted4, quoted6] : {udp(30), tcp(30), echo(30)}) {
        quoted4.hop_limit(1).traffic_class(0x20);
        quoted6.hop_limit(1).traffic_class(0x20);
        const auto sent = translate.one(
            inbound4().hop_limit(50).traffic_class(0xc0).icmp(3, 3).payload(quoted4.bytes()));
        const auto expected = inbound6()
                                  .hop_limit(49)
                                  .traffic_class(0xc0)
                                  .icmp(1, 4)
                                  .payload(quoted6.bytes())
                                  .bytes();
        CHECK(compare(sent.bytes, expected) == "");
    }
}

TEST_CASE(
    "RFC 7915 §4.1: a fixed codepoint is that of an ICMPv6 error, not of what it quotes") {
    Translate translate;
    translate.settings.dscp_to_ipv6 = rfc7915::Dscp::fixed(10);
    auto [quoted4, quoted6] = udp(30);
    quoted4.traffic_class(0x20);
    quoted6.traffic_class(0x20);
    const auto sent =
        translate.one(inbound4().traffic_class(0xc1).icmp(3, 3).payload(quoted4.bytes()));
    const auto expected =
        inbound6().traffic_class(10 << 2 | 1).icmp(1, 4).payload(quoted6.bytes()).bytes();
    CHECK(compare(sent.bytes, expected) == "");
}

TEST_CASE("RFC 7915 §4.3: a quoted packet that is cut off anywhere") {
    Translate translate;
    for (const auto& [quoted4, quoted6] : {udp(60), tcp(60), echo(60)}) {
        const auto whole4 = quoted4.bytes();
        const auto whole6 = quoted6.bytes();
        for (std::size_t size = 28; size <= whole4.size(); ++size) {
            // With half of the TCP checksum there, that half stays as it was.
            if (get8(whole4, 9) == 6 && size == 37) continue;
            CAPTURE(size);
            const auto sent = translate.one(inbound4().icmp(11, 0).payload(head(whole4, size)));
            const auto expected = expected_error(3, 0, 0, head(whole6, size + 20));
            CHECK(compare(sent.bytes, expected) == "");
        }
    }
}

TEST_CASE("RFC 7915 §4.3: half a TCP checksum in the quoted packet is left alone") {
    Translate translate;
    const auto quoted = head(tcp(60).first.bytes(), 37);
    const auto sent = translate.one(inbound4().icmp(11, 0).payload(quoted));
    CHECK(get8(sent.bytes, sent.bytes.size() - 1) == get8(quoted, 36));
}

TEST_CASE("RFC 7915 §4.3: options of the quoted packet are left out") {
    Translate translate;
    auto [quoted4, quoted6] = udp(30);
    quoted4.options(unhex("94 04 00 00"));
    const auto sent = translate.one(inbound4().icmp(3, 1).payload(quoted4.bytes()));
    CHECK(compare(sent.bytes, expected_error(1, 0, 0, quoted6.bytes())) == "");
}

TEST_CASE("RFC 7915 §4.3: a quoted first fragment gets a Fragment header") {
    Translate translate;
    const auto quoted4 =
        outbound4().fragment(0, true, 0xabcd).udp(kMappedPort, kServerPort).payload(64).bytes();
    const auto quoted6 =
        outbound6().fragment(0, true, 0xabcd).udp(kClientPort, kServerPort).payload(64).bytes();
    const auto sent = translate.one(inbound4().icmp(11, 1).payload(quoted4));
    CHECK(compare(sent.bytes, expected_error(3, 1, 0, quoted6)) == "");
}

TEST_CASE("RFC 768: a quoted UDP datagram without checksum stays without") {
    Translate translate;
    const auto quoted =
        outbound4().udp(kMappedPort, kServerPort).payload(60).checksum(0).bytes();
    const auto sent = translate.one(inbound4().icmp(3, 3).payload(head(quoted, 60)));
    CHECK(get16(sent.bytes, 40 + 8 + 40 + 6) == 0);
}

TEST_CASE("RFC 4443 §2.4: an ICMPv6 error is cut to 1280 bytes") {
    Translate translate;
    const auto [quoted4, quoted6] = udp(1400);
    for (std::size_t size = 1190; size <= 1300; ++size) {
        const auto sent =
            translate.one(inbound4().icmp(3, 3).payload(head(quoted4.bytes(), size)));
        CHECK(sent.bytes.size() == std::min<std::size_t>(1280, 48 + size + 20));
        const auto kept = sent.bytes.size() - 48;
        CHECK(compare(sent.bytes, expected_error(1, 4, 0, head(quoted6.bytes(), kept))) == "");
    }
}

TEST_CASE("RFC 7915 §4.2: the MTU of Fragmentation Needed grows by the header difference") {
    Translate translate;
    const auto mtu_of = [&](unsigned advertised, std::size_t quoted_size) {
        const auto quoted = udp(quoted_size - 28).first.bytes();
        const auto sent =
            translate.one(inbound4().icmp(3, 4, advertised).payload(head(quoted, 60)));
        CHECK(get8(sent.bytes, 40) == 2);
        CHECK(get8(sent.bytes, 41) == 0);
        return get32(sent.bytes, 44);
    };
    CHECK(mtu_of(1400, 1500) == 1420);
    CHECK(mtu_of(1500, 1500) == 1500);
    CHECK(mtu_of(576, 1500) == 1280);
    CHECK(mtu_of(0, 1500) == 1500); // plateau 1492
    CHECK(mtu_of(0, 1492) == 1280); // plateau 1006
    translate.settings.ipv6_mtu = Mtu{9000};
    translate.settings.ipv4_mtu = Mtu{9000};
    CHECK(mtu_of(8000, 9000) == 8020);
    CHECK(mtu_of(0, 9000) == 8186);
    // RFC 1191 §4: the upper half of the word is not part of the MTU.
    CHECK(mtu_of(0xffff0000 | 1300, 1500) == 1320);
}

TEST_CASE("RFC 7915 §4.2: Parameter Problem points at the same field") {
    Translate translate;
    const auto [quoted4, quoted6] = udp(30);
    const auto sent = translate.one(inbound4().icmp(12, 0, 9U << 24).payload(quoted4.bytes()));
    CHECK(compare(sent.bytes, expected_error(4, 0, 6, quoted6.bytes())) == "");
    const auto unreachable = translate.one(inbound4().icmp(3, 2).payload(quoted4.bytes()));
    CHECK(compare(unreachable.bytes, expected_error(4, 1, 6, quoted6.bytes())) == "");
}

// ---- RFC 4884 ----

TEST_CASE("RFC 4884 §4: extensions are kept, the length in 64-bit words") {
    Translate translate;
    const auto objects = unhex("00 08 01 01 12 34 51 40"); // RFC 4950: an MPLS label
    for (const std::size_t size : {30U, 100U, 101U, 128U, 140U, 500U}) {
        CAPTURE(size);
        const auto [quoted4, quoted6] = udp(size);
        for (const auto& [type4, type6] : {std::pair{3U, 1U}, std::pair{11U, 3U}}) {
            const auto sent = translate.one(
                inbound4().icmp(type4, 0).payload(quoted4.bytes()).extensions(objects));
            const auto expected =
                inbound6().icmp(type6, 0).payload(quoted6.bytes()).extensions(objects);
            CHECK(compare(sent.bytes, expected.bytes()) == "");
        }
    }
}

TEST_CASE("RFC 4884 §4: types without a length field lose the extension") {
    Translate translate;
    const auto objects = unhex("00 08 01 01 12 34 51 40");
    const auto [quoted4, quoted6] = udp(140);
    const auto without = [&](PacketBuilder error) {
        return translate.one(error.payload(quoted4.bytes()).extensions(objects)).bytes;
    };
    CHECK(compare(without(inbound4().icmp(3, 4, 1400)),
                  expected_error(2, 0, 1420, quoted6.bytes())) == "");
    CHECK(compare(without(inbound4().icmp(3, 2)), expected_error(4, 1, 6, quoted6.bytes())) ==
          "");
    CHECK(compare(without(inbound4().icmp(12, 0, 1U << 24)),
                  expected_error(4, 0, 1, quoted6.bytes())) == "");
}

TEST_CASE("RFC 4884: an extension makes the quoted packet shorter if need be") {
    Translate translate;
    const auto objects = pattern(200);
    const auto [quoted4, quoted6] = udp(1400);
    const auto sent = translate.one(
        inbound4().icmp(11, 0).payload(head(quoted4.bytes(), 1020)).extensions(objects));
    const auto kept = (1280 - 48 - 204) / 8 * 8;
    CHECK(get8(sent.bytes, 44) == kept / 8);
    const auto expected = inbound6()
                              .icmp(3, 0)
                              .payload(head(quoted6.bytes(), static_cast<std::size_t>(kept)))
                              .extensions(objects);
    CHECK(compare(sent.bytes, expected.bytes()) == "");
}

TEST_CASE("RFC 7915 §4.2: an extension that does not fit at all is dropped whole") {
    Translate translate;
    const auto [quoted4, quoted6] = udp(1400);
    const auto sent = translate.one(
        inbound4().icmp(11, 0).payload(head(quoted4.bytes(), 400)).extensions(pattern(1200)));
    CHECK(compare(sent.bytes, expected_error(3, 0, 0, head(quoted6.bytes(), 420))) == "");
}

TEST_CASE("RFC 4884 §4.1: every value of the length field is survived") {
    Translate translate;
    const auto quoted = udp(300).first.bytes();
    for (unsigned length = 0; length < 256; ++length) {
        CAPTURE(length);
        for (const std::size_t size : {28U, 40U, 128U, 132U, 133U, 200U, 328U}) {
            auto body = head(quoted, size);
            append(body, unhex("20 00 00 00 00 08 01 01 12 34 51 40"));
            const auto sent = translate.one(inbound4().icmp(11, 0, length << 16).payload(body));
            const bool believed = length * 4 == size; // where the extension stands
            CHECK((get8(sent.bytes, 44) != 0) == believed);
        }
    }
}
