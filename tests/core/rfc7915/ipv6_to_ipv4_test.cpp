// SPDX-License-Identifier: Apache-2.0
// core/rfc7915/ipv6_to_ipv4: the IP header, extension headers, fragments, and what is refused.
// Checksums are checksum_test's, ICMP errors icmpv6_to_icmpv4_test's.
#include "tests/core/rfc7915/translate.hpp"

#include <functional>
#include <string>
#include <vector>

#include <doctest/doctest.h>

using namespace nat64;
using namespace nat64::test;

namespace {

PacketBuilder udp6() {
    return outbound6().udp(kClientPort, kServerPort).payload(100);
}

PacketBuilder udp4() {
    return outbound4().udp(kMappedPort, kServerPort).payload(100);
}

bool dont_fragment(const Sent& sent) {
    return (get16(sent.bytes, 6) & 0x4000) != 0;
}

/// An IPv6 packet that will be `size` bytes long as IPv4.
PacketBuilder of_ipv4_size(std::size_t size) {
    return outbound6().udp(kClientPort, kServerPort).payload(size - 28);
}

} // namespace

TEST_CASE("RFC 7915 §5.1: a UDP datagram") {
    Translate translate;
    const auto sent =
        translate.one(udp6().traffic_class(0xb9).flow_label(0x12345).hop_limit(9));
    CHECK(compare_fresh(sent.bytes, udp4().traffic_class(0xb9).hop_limit(9)) == "");
}

TEST_CASE("RFC 7915 §5.1: a TCP segment with options") {
    Translate translate;
    const auto mss = unhex("02 04 05 a0 01 03 03 07");
    const auto sent =
        translate.one(outbound6().tcp(kClientPort, kServerPort, 2).tcp_options(mss).payload(3));
    const auto expected =
        outbound4().tcp(kMappedPort, kServerPort, 2).tcp_options(mss).payload(3);
    CHECK(compare_fresh(sent.bytes, expected) == "");
}

TEST_CASE("RFC 7915 §5.2: echo request and reply, with the mapped identifier") {
    Translate translate;
    const auto request = translate.one(outbound6().echo_request(kClientPort, 7).payload(56));
    CHECK(compare_fresh(request.bytes, outbound4().echo_request(kMappedPort, 7).payload(56)) ==
          "");
    const auto reply = translate.one(outbound6().echo_reply(kClientPort, 8).payload(1));
    CHECK(compare_fresh(reply.bytes, outbound4().echo_reply(kMappedPort, 8).payload(1)) == "");
}

TEST_CASE("RFC 7915 §5.1: every traffic class becomes the type of service") {
    Translate translate;
    for (unsigned value = 0; value < 256; ++value)
        CHECK(get8(translate.one(udp6().traffic_class(value)).bytes, 1) == value);
}

TEST_CASE("RFC 7915 §5.1: a fixed codepoint replaces the sender's, and ECN stays") {
    Translate translate;
    translate.settings.dscp_to_ipv4 = rfc7915::Dscp::fixed(46);
    translate.settings.dscp_to_ipv6 = rfc7915::Dscp::fixed(1);
    for (unsigned value = 0; value < 256; ++value) {
        const auto wanted = (46U << 2) | (value & 3);
        CHECK(get8(translate.one(udp6().traffic_class(value)).bytes, 1) == wanted);
        const auto error = outbound6().traffic_class(value).icmp(1, 4).payload(udp6().bytes());
        CHECK(get8(translate.one(error).bytes, 1) == wanted);
    }
}

TEST_CASE("RFC 7915 §5.1: where the kernel forwards, the hop limit is the kernel's") {
    Translate translate;
    for (const unsigned hops : {255U, 64U, 2U, 1U})
        CHECK(get8(translate.one(udp6().hop_limit(hops)).bytes, 8) == hops);
    CHECK(translate.verdict(udp6().hop_limit(0)) == "hop_limit_exceeded 3/0/0");
}

TEST_CASE("RFC 7915 §5.1: expired hop limit is answered, not forwarded") {
    Translate translate;
    translate.settings.hop_policy = rfc7915::HopPolicy::Decrement;
    CHECK(get8(translate.one(udp6().hop_limit(255)).bytes, 8) == 254);
    CHECK(get8(translate.one(udp6().hop_limit(2)).bytes, 8) == 1);
    CHECK(translate.verdict(udp6().hop_limit(1)) == "hop_limit_exceeded 3/0/0");
    CHECK(translate.verdict(udp6().hop_limit(0)) == "hop_limit_exceeded 3/0/0");
}

TEST_CASE("RFC 7915 §5.1: DF=0 up to 1260 bytes, DF=1 above") {
    Translate translate;
    for (std::size_t size = 1240; size <= 1280; ++size) {
        CAPTURE(size);
        const auto sent = translate.one(of_ipv4_size(size));
        CHECK(sent.bytes.size() == size);
        CHECK(dont_fragment(sent) == (size > 1260));
    }
    CHECK_FALSE(dont_fragment(translate.one(of_ipv4_size(28))));
}

TEST_CASE("RFC 7915 §5.1: the DF bit of a super-packet is that of its segments") {
    Translate translate;
    const auto tcp = [&](std::size_t segment) {
        return dont_fragment(translate.one(
            outbound6().tcp(kClientPort, kServerPort).payload(20000).segmented(segment)));
    };
    const auto udp = [&](std::size_t segment) {
        return dont_fragment(translate.one(
            outbound6().udp(kClientPort, kServerPort).payload(20000).segmented(segment)));
    };
    CHECK_FALSE(tcp(1220));
    CHECK(tcp(1221));
    CHECK_FALSE(udp(1232));
    CHECK(udp(1233));
}

TEST_CASE("RFC 7915 §5.1: identifications are fresh") {
    Translate translate;
    const auto first = get16(translate.one(udp6()).bytes, 4);
    const auto second = get16(translate.one(udp6()).bytes, 4);
    CHECK(first != second);
}

// ---- extension headers ----

TEST_CASE("RFC 7915 §5.1: extension headers are skipped and left out") {
    Translate translate;
    const std::vector<PacketBuilder> cases{
        outbound6().extension(0),
        outbound6().extension(60, 16),
        outbound6().routing(0),
        outbound6().extension(0, 24).extension(60).routing(0, 40).extension(60, 64),
    };
    for (auto packet : cases) {
        packet.udp(kClientPort, kServerPort).payload(100);
        CHECK(compare_fresh(translate.one(packet).bytes, udp4()) == "");
    }
}

TEST_CASE("RFC 7915 §5.1: a routing header with segments left is answered with its pointer") {
    const Translate translate;
    const auto behind = [](PacketBuilder packet) {
        return packet.udp(kClientPort, kServerPort).payload(10);
    };
    CHECK(translate.verdict(behind(outbound6().routing(1))) == "source_route 4/0/43");
    CHECK(translate.verdict(behind(outbound6().routing(255))) == "source_route 4/0/43");
    CHECK(translate.verdict(behind(outbound6().extension(0, 16).routing(2))) ==
          "source_route 4/0/59");
    CHECK(translate.verdict(behind(outbound6().routing(0).routing(3))) ==
          "source_route 4/0/67");
}

TEST_CASE("RFC 7915 §5.1.1: extension headers in front of the Fragment header are left out") {
    Translate translate;
    const auto packet = outbound6()
                            .extension(0)
                            .extension(60, 16)
                            .fragment(0, true, 0xabcd1234)
                            .udp(kClientPort, kServerPort)
                            .payload(96);
    const auto expected =
        outbound4().fragment(0, true, 0x1234).udp(kMappedPort, kServerPort).payload(96);
    CHECK(compare(translate.one(packet).bytes, expected.bytes()) == "");
}

TEST_CASE("RFC 7915 §5.1.1: a packet with extension headers behind the Fragment header is "
          "dropped") {
    const Translate translate;
    for (const unsigned protocol : {0U, 43U, 60U}) {
        CAPTURE(protocol);
        const auto with = [protocol](PacketBuilder packet) {
            protocol == 43 ? packet.routing(0) : packet.extension(protocol);
            return packet.udp(kClientPort, kServerPort).payload(96);
        };
        const std::string refused =
            protocol == 0 ? "bad_extension_header" : "bad_extension_header 1/1/0";
        CHECK(translate.verdict(with(outbound6().fragment(0, false, 1))) == refused);
        CHECK(translate.verdict(with(outbound6().fragment(0, true, 1))) == refused);
    }
    // What a later fragment starts with is not looked at, but what it is part of is.
    CHECK(translate.verdict(outbound6().fragment(800, false, 1).protocol(60).payload(96)) ==
          "bad_extension_header 1/1/0");
    CHECK(translate.verdict(outbound6().fragment(800, false, 1).protocol(51).payload(96)) ==
          "unknown_protocol 1/4/0");
}

// ---- fragments ----

TEST_CASE("RFC 7915 §5.1.1: fragments are translated one by one") {
    Translate translate;
    const auto whole = outbound6().udp(kClientPort, kServerPort).payload(4000);
    const auto expected = outbound4().udp(kMappedPort, kServerPort).payload(4000);
    const auto pieces = whole.in_pieces(1232, 0x87654321);
    const auto wanted = expected.in_pieces(1232, 0x4321);
    REQUIRE(pieces.size() == 4);
    for (std::size_t i = 0; i < pieces.size(); ++i)
        CHECK(compare(translate.one(pieces[i]).bytes, wanted[i]) == "");
}

TEST_CASE("RFC 7915 §5.1.1: the checksum of a fragmented ICMP query knows the whole length") {
    Translate translate;
    const auto whole = outbound6().echo_request(kClientPort).payload(3000);
    const auto expected = outbound4().echo_request(kMappedPort).payload(3000);
    const auto pieces = whole.in_pieces(1232, 9);
    const auto wanted = expected.in_pieces(1232, 9);
    translate.transport_length = 3008;
    for (std::size_t i = 0; i < pieces.size(); ++i)
        CHECK(compare(translate.one(pieces[i]).bytes, wanted[i]) == "");
}

TEST_CASE("RFC 7915 §5.1.1, RFC 6946: an atomic fragment loses its Fragment header, DF=0") {
    Translate translate;
    for (const std::size_t size : {100U, 1300U}) {
        const auto sent = translate.one(outbound6()
                                            .fragment(0, false, 0xdead0042)
                                            .udp(kClientPort, kServerPort)
                                            .payload(size));
        const auto expected =
            outbound4().identification(0x42).udp(kMappedPort, kServerPort).payload(size);
        CHECK(compare(sent.bytes, expected.bytes()) == "");
    }
    const auto echo =
        translate.one(outbound6().fragment(0, false, 5).echo_request(kClientPort).payload(5));
    CHECK(compare(echo.bytes,
                  outbound4().identification(5).echo_request(kMappedPort).payload(5).bytes()) ==
          "");
}

// ---- size ----

TEST_CASE("RFC 7915 §5: a packet that does not fit the IPv4 link is too big") {
    Translate translate;
    for (const unsigned mtu : {1300U, 1400U, 1500U}) {
        translate.settings.ipv4_mtu = Mtu{mtu};
        for (std::size_t size = mtu - 30; size <= mtu + 30; ++size) {
            CAPTURE(mtu);
            CAPTURE(size);
            const auto expected =
                size <= mtu ? "accepted" : "packet_too_big 2/0/" + std::to_string(mtu + 20);
            CHECK(translate.verdict(of_ipv4_size(size)) == expected);
        }
    }
}

TEST_CASE("RFC 7915 §5: so is an echo request, but no error, which is cut short") {
    Translate translate;
    translate.settings.ipv4_mtu = Mtu{1400};
    const auto echo = [&](std::size_t size) {
        return translate.verdict(outbound6().echo_request(kClientPort).payload(size - 28));
    };
    CHECK(echo(1400) == "accepted");
    CHECK(echo(1401) == "packet_too_big 2/0/1420");
    const auto quoted = inbound6().udp(kServerPort, kClientPort).payload(1400).bytes();
    CHECK(translate.verdict(outbound6().icmp(1, 4).payload(quoted)) == "accepted");
}

TEST_CASE("RFC 7915 §5.1: a Packet Too Big of ours never asks for less than 1280") {
    Translate translate;
    translate.settings.ipv4_mtu = Mtu{1000};
    // Up to 1260 bytes leave with DF=0 and are fragmented by IPv4 routers.
    CHECK(translate.verdict(of_ipv4_size(1260)) == "accepted");
    CHECK(translate.verdict(of_ipv4_size(1261)) == "packet_too_big 2/0/1280");
}

TEST_CASE("RFC 7915 §5.1.1: what has a Fragment header is never too big") {
    Translate translate;
    translate.settings.ipv4_mtu = Mtu{1300};
    const auto udp = [](PacketBuilder packet) {
        return packet.udp(kClientPort, kServerPort).payload(1392);
    };
    CHECK(translate.verdict(udp(outbound6())) == "packet_too_big 2/0/1320");
    CHECK(translate.verdict(udp(outbound6().fragment(0, false, 1))) == "accepted");
    CHECK(translate.verdict(udp(outbound6().fragment(0, true, 1))) == "accepted");
}

TEST_CASE("RFC 7915 §5: a super-packet is as big as its segments") {
    Translate translate;
    const auto tcp = [&](std::size_t segment) {
        return translate.verdict(
            outbound6().tcp(kClientPort, kServerPort).payload(30000).segmented(segment));
    };
    CHECK(tcp(1460) == "accepted");
    CHECK(tcp(1461) == "packet_too_big 2/0/1520");
    const auto options = [&](std::size_t segment) {
        return translate.verdict(outbound6()
                                     .tcp(kClientPort, kServerPort)
                                     .tcp_options(Bytes(12))
                                     .payload(30000)
                                     .segmented(segment));
    };
    CHECK(options(1448) == "accepted");
    CHECK(options(1449) == "packet_too_big 2/0/1520");
    const auto udp = [&](std::size_t segment) {
        return translate.verdict(
            outbound6().udp(kClientPort, kServerPort).payload(30000).segmented(segment));
    };
    CHECK(udp(1472) == "accepted");
    CHECK(udp(1473) == "packet_too_big 2/0/1520");
}

TEST_CASE("RFC 791 §3.1: what exceeds the IPv4 length field is too big, whatever the MTU") {
    Translate translate;
    translate.settings.ipv4_mtu = Mtu{100000};
    CHECK(translate.verdict(of_ipv4_size(65535)) == "accepted");
    CHECK(translate.verdict(of_ipv4_size(65536)) == "packet_too_big 2/0/100020");
}

TEST_CASE("RFC 791 §3.1: a fragment that reaches past the longest IPv4 packet is too big") {
    // 65515 bytes behind the header; in IPv6 there may be 65535.
    const Translate translate;
    const auto ending_at = [&](std::size_t end) {
        return translate.verdict(outbound6()
                                     .udp(kClientPort, kServerPort)
                                     .payload(end - 65504 - 8)
                                     .fragment(65504, false, 7));
    };
    CHECK(ending_at(65515) == "accepted");
    CHECK(ending_at(65516) == "packet_too_big 2/0/1520");
    CHECK(ending_at(65535) == "packet_too_big 2/0/1520");
}

// ---- other refusals ----

TEST_CASE("RFC 6146 §3.4: other transport protocols are answered with Port Unreachable") {
    const Translate translate;
    for (unsigned protocol = 0; protocol < 256; ++protocol) {
        CAPTURE(protocol);
        const bool known = protocol == 6 || protocol == 17 || protocol == 58;
        const bool header = protocol == 0 || protocol == 43 || protocol == 44 || protocol == 60;
        if (known || header) continue;
        CHECK(translate.verdict(outbound6().protocol(protocol).payload(64)) ==
              "unknown_protocol 1/4/0");
        CHECK(translate.verdict(
                  outbound6().fragment(0, false, 1).protocol(protocol).payload(64)) ==
              "unknown_protocol 1/4/0");
    }
}

TEST_CASE("RFC 7915 §5.2: an ICMPv6 error with a wrong checksum is dropped") {
    const Translate translate;
    const auto quoted = inbound6().udp(kServerPort, kClientPort).payload(30).bytes();
    CHECK(translate.verdict(outbound6().icmp(1, 4).payload(quoted)) == "accepted");
    CHECK(translate.verdict(outbound6().icmp(1, 4).payload(quoted).checksum(0x1234)) ==
          "bad_icmp_checksum");
}

TEST_CASE("RFC 6146 §3.4: an ICMPv6 error in fragments is dropped") {
    const Translate translate;
    const auto quoted = inbound6().udp(kServerPort, kClientPort).payload(32).bytes();
    CHECK(translate.verdict(outbound6().fragment(0, true, 1).icmp(1, 4).payload(quoted)) ==
          "fragmented_icmp_error");
}

TEST_CASE("bytes behind the IPv6 length do not leave") {
    Translate translate;
    auto bytes = udp6().bytes();
    append(bytes, pattern(18, 0x99));
    CHECK(compare_fresh(translate.one(bytes).bytes, udp4()) == "");
}
