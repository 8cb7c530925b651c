// SPDX-License-Identifier: Apache-2.0
// core/rfc7915/icmpv6_to_icmpv4: ICMPv6 errors with the packets they quote. Types and codes are
// icmp_types_test's, layout of extensions in general quote_test's.
#include "tests/core/rfc7915/translate.hpp"

#include <algorithm>
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
    return {inbound6().udp(kServerPort, kClientPort).payload(size),
            inbound4().udp(kServerPort, kMappedPort).payload(size)};
}

Pair tcp(std::size_t size) {
    return {inbound6().tcp(kServerPort, kClientPort).payload(size),
            inbound4().tcp(kServerPort, kMappedPort).payload(size)};
}

Pair echo(std::size_t size) {
    return {inbound6().echo_reply(kClientPort).payload(size),
            inbound4().echo_reply(kMappedPort).payload(size)};
}

Bytes head(const Bytes& bytes, std::size_t size) {
    return {bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(size)};
}

/// `sent` against an error that quotes what `quoted` builds, cut to `size`. Both headers have
/// fresh identifications.
std::string
compare_error(const Sent& sent, PacketBuilder error, PacketBuilder quoted, std::size_t size) {
    quoted.identification(get16(sent.bytes, 28 + 4));
    return compare_fresh(sent.bytes, error.payload(head(quoted.bytes(), size)));
}

} // namespace

TEST_CASE(
    "RFC 7915 §5.3: the quoted packet is translated like any other, hop limit untouched") {
    Translate translate;
    translate.settings.hop_policy = rfc7915::HopPolicy::Decrement;
    for (auto [quoted6, quoted4] : {udp(30), tcp(30), echo(30)}) {
        quoted6.hop_limit(1).traffic_class(0x20);
        quoted4.hop_limit(1).traffic_class(0x20);
        const auto sent = translate.one(
            outbound6().hop_limit(50).traffic_class(0xc0).icmp(1, 4).payload(quoted6.bytes()));
        const auto error = outbound4().hop_limit(49).traffic_class(0xc0).icmp(3, 3);
        CHECK(compare_error(sent, error, quoted4, quoted4.bytes().size()) == "");
    }
}

TEST_CASE("RFC 7915 §5.3: a quoted packet that is cut off anywhere") {
    Translate translate;
    for (const auto& [quoted6, quoted4] : {udp(60), tcp(60), echo(60)}) {
        const auto whole = quoted6.bytes();
        for (std::size_t size = 48; size <= whole.size(); ++size) {
            // With half of the TCP checksum there, that half stays as it was.
            if (get8(whole, 6) == 6 && size == 57) continue;
            CAPTURE(size);
            const auto sent = translate.one(outbound6().icmp(3, 0).payload(head(whole, size)));
            CHECK(compare_error(sent, outbound4().icmp(11, 0), quoted4, size - 20) == "");
        }
    }
}

TEST_CASE("RFC 7915 §5.3: extension headers of the quoted packet are left out") {
    Translate translate;
    const auto quoted6 = inbound6()
                             .extension(0)
                             .extension(60, 16)
                             .udp(kServerPort, kClientPort)
                             .payload(30)
                             .bytes();
    const auto sent = translate.one(outbound6().icmp(1, 0).payload(quoted6));
    const auto quoted4 = udp(30).second;
    CHECK(compare_error(sent, outbound4().icmp(3, 1), quoted4, 58) == "");
}

TEST_CASE("RFC 7915 §5.3: a quoted first fragment loses its Fragment header") {
    Translate translate;
    const auto quoted6 =
        inbound6().fragment(0, true, 0xabcd).udp(kServerPort, kClientPort).payload(64).bytes();
    const auto quoted4 =
        inbound4().fragment(0, true, 0xabcd).udp(kServerPort, kMappedPort).payload(64).bytes();
    const auto sent = translate.one(outbound6().icmp(3, 1).payload(quoted6));
    CHECK(compare_fresh(sent.bytes, outbound4().icmp(11, 1).payload(quoted4)) == "");
}

TEST_CASE("RFC 7915 §5.1: a large quoted packet has DF=1, as it had when it was sent") {
    Translate translate;
    for (const std::size_t size : {1260U, 1261U, 1480U}) {
        const auto quoted6 = head(udp(size - 28).first.bytes(), 200);
        const auto sent = translate.one(outbound6().icmp(2, 0, 1280).payload(quoted6));
        CHECK(((get16(sent.bytes, 28 + 6) & 0x4000) != 0) == (size > 1260));
    }
}

TEST_CASE("RFC 1812 §4.3.2.3: an ICMPv4 error is cut to 576 bytes, DF=0") {
    Translate translate;
    const auto [quoted6, quoted4] = udp(1400);
    for (std::size_t size = 500; size <= 1232; size += 7) {
        const auto sent =
            translate.one(outbound6().icmp(1, 4).payload(head(quoted6.bytes(), size)));
        CHECK(sent.bytes.size() == std::min<std::size_t>(576, 28 + size - 20));
        auto large = quoted4;
        large.dont_fragment();
        CHECK(compare_error(sent, outbound4().icmp(3, 3), large, sent.bytes.size() - 28) == "");
    }
}

TEST_CASE("RFC 7915 §5.2: the MTU of Packet Too Big shrinks by the header difference") {
    Translate translate;
    const auto quoted = head(udp(1400).first.bytes(), 200);
    const auto rest_of = [&](std::uint32_t advertised, const Bytes& about) {
        const auto sent = translate.one(outbound6().icmp(2, 0, advertised).payload(about));
        CHECK(get8(sent.bytes, 20) == 3);
        CHECK(get8(sent.bytes, 21) == 4);
        return get32(sent.bytes, 24);
    };
    CHECK(rest_of(1400, quoted) == 1380);
    CHECK(rest_of(1280, quoted) == 1260);
    CHECK(rest_of(9000, quoted) == 1480);
    CHECK(rest_of(500, quoted) == 480);
    CHECK(rest_of(0, quoted) == 68);
    const auto fragment = head(
        inbound6().fragment(0, true, 5).udp(kServerPort, kClientPort).payload(1400).bytes(),
        200);
    CHECK(rest_of(1400, fragment) == 1372);
}

TEST_CASE("RFC 7915 §5.2: Parameter Problem points at the same field") {
    Translate translate;
    const auto [quoted6, quoted4] = udp(30);
    const auto sent = translate.one(outbound6().icmp(4, 0, 7).payload(quoted6.bytes()));
    CHECK(compare_error(sent, outbound4().icmp(12, 0, 8U << 24), quoted4, 58) == "");
    const auto unknown = translate.one(outbound6().icmp(4, 1, 40).payload(quoted6.bytes()));
    CHECK(compare_error(unknown, outbound4().icmp(3, 2), quoted4, 58) == "");
}

// ---- RFC 4884 ----

TEST_CASE("RFC 4884 §4: extensions are kept, the length in 32-bit words") {
    Translate translate;
    const auto objects = unhex("00 08 01 01 12 34 51 40"); // RFC 4950: an MPLS label
    for (const std::size_t size : {30U, 100U, 101U, 128U, 140U, 400U}) {
        CAPTURE(size);
        auto [quoted6, quoted4] = udp(size);
        for (const auto& [type6, type4] : {std::pair{1U, 3U}, std::pair{3U, 11U}}) {
            const auto sent = translate.one(
                outbound6().icmp(type6, 0).payload(quoted6.bytes()).extensions(objects));
            auto error = outbound4().icmp(type4, type4 == 3 ? 1 : 0).extensions(objects);
            if (size == 30 || size >= 128) {
                // The padding of the longer header is cut with it where 128 bytes allow.
                CHECK(compare_error(sent, error, quoted4, size + 28) == "");
            }
            CHECK(get8(sent.bytes, 25) == std::max<std::size_t>(32, (size + 28 + 3) / 4));
        }
    }
}

TEST_CASE("RFC 4884 §4: types without a length field lose the extension") {
    Translate translate;
    // Packet Too Big and Parameter Problem of ICMPv6 have none; what looks like one is data.
    const auto quoted6 = udp(140).first.bytes();
    const auto sent = translate.one(outbound6().icmp(2, 0, 0x20000000).payload(quoted6));
    CHECK(get8(sent.bytes, 25) == 0);
    CHECK(sent.bytes.size() == 28 + quoted6.size() - 20);
}

TEST_CASE("RFC 4884: an extension makes the quoted packet shorter if need be") {
    Translate translate;
    const auto objects = pattern(200);
    const auto [quoted6, quoted4] = udp(1400);
    const auto sent = translate.one(
        outbound6().icmp(3, 0).payload(head(quoted6.bytes(), 600)).extensions(objects));
    constexpr std::size_t kept = (576 - 28 - 204) / 4 * 4;
    CHECK(get8(sent.bytes, 25) == kept / 4);
    auto large = quoted4;
    large.dont_fragment();
    CHECK(compare_error(sent, outbound4().icmp(11, 0).extensions(objects), large, kept) == "");
}

TEST_CASE("RFC 7915 §5.2: an extension that does not fit at all is dropped whole") {
    Translate translate;
    const auto [quoted6, quoted4] = udp(1400);
    const auto sent = translate.one(
        outbound6().icmp(3, 0).payload(head(quoted6.bytes(), 400)).extensions(pattern(500)));
    auto large = quoted4;
    large.dont_fragment();
    CHECK(compare_error(sent, outbound4().icmp(11, 0), large, 380) == "");
}

TEST_CASE("RFC 4884 §4.4: every value of the length field is survived") {
    Translate translate;
    const auto quoted = udp(300).first.bytes();
    for (unsigned length = 0; length < 256; ++length) {
        CAPTURE(length);
        for (const std::size_t size : {48U, 56U, 128U, 136U, 137U, 200U, 348U}) {
            auto body = head(quoted, size);
            append(body, unhex("20 00 00 00 00 08 01 01 12 34 51 40"));
            const auto sent = translate.one(outbound6().icmp(3, 0, length << 24).payload(body));
            const bool believed = length * 8 == size; // where the extension stands
            CHECK((get8(sent.bytes, 25) != 0) == believed);
        }
    }
}
