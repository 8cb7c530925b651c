// SPDX-License-Identifier: Apache-2.0
// core/rfc7915/ipv4_to_ipv6: the IP header, options, fragments, and what is refused. Checksums
// are checksum_test's, cutting is segment_test's, ICMP errors icmpv4_to_icmpv6_test's.
#include "tests/core/rfc7915/translate.hpp"

#include <string>
#include <vector>

#include <doctest/doctest.h>

using namespace nat64;
using namespace nat64::test;

namespace {

PacketBuilder udp4() {
    return inbound4().udp(kServerPort, kMappedPort).payload(100);
}

PacketBuilder udp6() {
    return inbound6().udp(kServerPort, kClientPort).payload(100);
}

/// An IPv4 packet of `size` bytes.
PacketBuilder of_size(std::size_t size) {
    return inbound4().udp(kServerPort, kMappedPort).payload(size - 28);
}

} // namespace

TEST_CASE("RFC 7915 §4.1: a UDP datagram") {
    Translate translate;
    const auto sent = translate.one(udp4().traffic_class(0xb9).hop_limit(9).identification(77));
    CHECK(compare(sent.bytes, udp6().traffic_class(0xb9).hop_limit(9).bytes()) == "");
}

TEST_CASE("RFC 7915 §4.1: a TCP segment with options") {
    Translate translate;
    const auto mss = unhex("02 04 05 b4 01 03 03 07");
    const auto sent = translate.one(inbound4()
                                        .dont_fragment()
                                        .tcp(kServerPort, kMappedPort, 0x12)
                                        .tcp_options(mss)
                                        .payload(5));
    const auto expected =
        inbound6().tcp(kServerPort, kClientPort, 0x12).tcp_options(mss).payload(5);
    CHECK(compare(sent.bytes, expected.bytes()) == "");
}

TEST_CASE("RFC 7915 §4.2: echo request and reply, with the client's identifier") {
    Translate translate;
    const auto reply = translate.one(inbound4().echo_reply(kMappedPort, 7).payload(56));
    CHECK(compare(reply.bytes, inbound6().echo_reply(kClientPort, 7).payload(56).bytes()) ==
          "");
    const auto request = translate.one(inbound4().echo_request(kMappedPort, 8).payload(1));
    CHECK(compare(request.bytes, inbound6().echo_request(kClientPort, 8).payload(1).bytes()) ==
          "");
}

TEST_CASE("RFC 7915 §4.1: every type of service becomes the traffic class, flow label 0") {
    Translate translate;
    for (unsigned value = 0; value < 256; ++value)
        CHECK(get32(translate.one(udp4().traffic_class(value)).bytes, 0) ==
              (6U << 28 | value << 20));
}

TEST_CASE("RFC 7915 §4.1: the traffic class can be fixed at zero, and ECN stays") {
    Translate translate;
    translate.settings.dscp_to_ipv6 = rfc7915::Dscp::fixed(0);
    translate.settings.dscp_to_ipv4 = rfc7915::Dscp::fixed(63);
    const auto traffic_class = [](const Sent& sent) {
        return get16(sent.bytes, 0) >> 4 & 0xff;
    };
    for (unsigned value = 0; value < 256; ++value) {
        CHECK(traffic_class(translate.one(udp4().traffic_class(value))) == (value & 3));
        for (const auto& piece : translate.all(udp4().traffic_class(value).payload(3000)))
            CHECK(traffic_class(piece) == (value & 3));
    }
}

TEST_CASE("RFC 7915 §4.1: where the kernel forwards, the TTL is the kernel's") {
    Translate translate;
    for (const unsigned hops : {255U, 64U, 2U, 1U})
        CHECK(get8(translate.one(udp4().hop_limit(hops)).bytes, 7) == hops);
    CHECK(translate.verdict(udp4().hop_limit(0)) == "hop_limit_exceeded 11/0/0");
}

TEST_CASE("RFC 7915 §4.1: expired TTL is answered, not forwarded") {
    Translate translate;
    translate.settings.hop_policy = rfc7915::HopPolicy::Decrement;
    CHECK(get8(translate.one(udp4().hop_limit(255)).bytes, 7) == 254);
    CHECK(get8(translate.one(udp4().hop_limit(2)).bytes, 7) == 1);
    CHECK(translate.verdict(udp4().hop_limit(1)) == "hop_limit_exceeded 11/0/0");
    CHECK(translate.verdict(udp4().hop_limit(0)) == "hop_limit_exceeded 11/0/0");
}

TEST_CASE("RFC 6146 §3.8: a hairpinned packet was counted on its way up") {
    Translate translate;
    translate.settings.hop_policy = rfc7915::HopPolicy::Decrement;
    translate.count_hop = rfc7915::CountHop::No;
    CHECK(get8(translate.one(udp4().hop_limit(9)).bytes, 7) == 9);
    CHECK(get8(translate.one(udp4().hop_limit(1)).bytes, 7) == 1);
}

// ---- options ----

TEST_CASE("RFC 7915 §4.1: IPv4 options are ignored and left out") {
    Translate translate;
    const std::vector<Bytes> options{
        unhex("01 01 01 00"),             // NOP, end
        unhex("94 04 00 00"),             // router alert
        unhex("07 07 04 00 00 00 00 00"), // record route
        unhex("83 07 08 c0 00 02 05 00"), // loose source route, exhausted
        unhex("89 07 08 c0 00 02 05 00"), // strict source route, exhausted
        Bytes(40, std::byte{1}),          // as many as there can be
    };
    for (const auto& bytes : options)
        CHECK(compare(translate.one(udp4().options(bytes)).bytes, udp6().bytes()) == "");
}

TEST_CASE("RFC 7915 §4.1: an unexpired source route is answered with Source Route Failed") {
    const Translate translate;
    const auto loose = unhex("83 07 04 c0 00 02 05 00");
    const auto strict = unhex("89 0b 08 c0 00 02 05 c0 00 02 06 00");
    CHECK(translate.verdict(udp4().options(loose)) == "source_route 3/5/0");
    CHECK(translate.verdict(udp4().options(strict)) == "source_route 3/5/0");
}

// ---- fragments ----

TEST_CASE("RFC 7915 §4.1: fragments are translated one by one") {
    Translate translate;
    const auto whole = inbound4().udp(kServerPort, kMappedPort).payload(4000);
    const auto expected = inbound6().udp(kServerPort, kClientPort).payload(4000);
    const auto pieces = whole.in_pieces(1232, 0x4321);
    const auto wanted = expected.in_pieces(1232, 0x4321);
    REQUIRE(pieces.size() == 4);
    for (std::size_t i = 0; i < pieces.size(); ++i)
        CHECK(compare(translate.one(pieces[i]).bytes, wanted[i]) == "");
}

TEST_CASE("RFC 7915 §4.1: the checksum of a fragmented ICMP query knows the whole length") {
    Translate translate;
    const auto whole = inbound4().echo_reply(kMappedPort).payload(3000);
    const auto expected = inbound6().echo_reply(kClientPort).payload(3000);
    const auto pieces = whole.in_pieces(1232, 9);
    const auto wanted = expected.in_pieces(1232, 9);
    translate.transport_length = 3008;
    for (std::size_t i = 0; i < pieces.size(); ++i)
        CHECK(compare(translate.one(pieces[i]).bytes, wanted[i]) == "");
}

TEST_CASE("RFC 7915 §4.1: a fragment with DF=1 keeps its size up to the IPv6 MTU") {
    Translate translate;
    const auto fragment = [](std::size_t size) {
        return inbound4()
            .dont_fragment()
            .fragment(0, true, 7)
            .udp(kServerPort, kMappedPort)
            .payload(size - 8);
    };
    const auto expected =
        inbound6().fragment(0, true, 7).udp(kServerPort, kClientPort).payload(1440);
    CHECK(compare(translate.one(fragment(1448)).bytes, expected.bytes()) == "");
    CHECK(translate.verdict(fragment(1456)) == "packet_too_big 3/4/1472");
}

TEST_CASE("RFC 8021: a packet that is no fragment never gets a Fragment header") {
    Translate translate;
    for (const std::size_t size : {28U, 100U, 1260U, 1500U}) {
        auto packet = of_size(size);
        if (size > 1260) packet.dont_fragment();
        translate.settings.ipv6_mtu = Mtu{1520};
        CHECK(get8(translate.one(packet).bytes, 6) == 17);
    }
}

// ---- size ----

TEST_CASE("RFC 7915 §4: DF=1 and too big for IPv6 is answered with the MTU") {
    Translate translate;
    for (const unsigned mtu : {1280U, 1400U, 1500U}) {
        translate.settings.ipv6_mtu = Mtu{mtu};
        for (std::size_t size = mtu - 50; size <= mtu + 30; ++size) {
            CAPTURE(mtu);
            CAPTURE(size);
            const auto expected = size + 20 <= mtu
                                      ? "accepted"
                                      : "packet_too_big 3/4/" + std::to_string(mtu - 20);
            CHECK(translate.verdict(of_size(size).dont_fragment()) == expected);
            CHECK(translate.verdict(of_size(size)) == "accepted");
        }
    }
}

TEST_CASE("RFC 7915 §4: so is an echo request, but no error, which is cut short") {
    const Translate translate;
    const auto echo = [&](std::size_t size) {
        return translate.verdict(
            inbound4().dont_fragment().echo_request(kMappedPort).payload(size - 28));
    };
    CHECK(echo(1480) == "accepted");
    CHECK(echo(1481) == "packet_too_big 3/4/1480");
    const auto quoted = outbound4().udp(kMappedPort, kServerPort).payload(1460).bytes();
    CHECK(translate.verdict(inbound4().dont_fragment().icmp(3, 3).payload(quoted)) ==
          "accepted");
}

TEST_CASE("RFC 7915 §4: a super-packet is as big as its segments") {
    const Translate translate;
    const auto tcp = [&](std::size_t segment) {
        return translate.verdict(inbound4()
                                     .dont_fragment()
                                     .tcp(kServerPort, kMappedPort)
                                     .payload(30000)
                                     .segmented(segment));
    };
    CHECK(tcp(1440) == "accepted");
    CHECK(tcp(1441) == "packet_too_big 3/4/1480");
    const auto options = [&](std::size_t segment) {
        return translate.verdict(inbound4()
                                     .dont_fragment()
                                     .tcp(kServerPort, kMappedPort)
                                     .tcp_options(Bytes(12))
                                     .payload(30000)
                                     .segmented(segment));
    };
    CHECK(options(1428) == "accepted");
    CHECK(options(1429) == "packet_too_big 3/4/1480");
    const auto udp = [&](std::size_t segment) {
        return translate.verdict(inbound4()
                                     .dont_fragment()
                                     .udp(kServerPort, kMappedPort)
                                     .payload(30000)
                                     .segmented(segment));
    };
    CHECK(udp(1452) == "accepted");
    CHECK(udp(1453) == "packet_too_big 3/4/1480");
}

TEST_CASE("RFC 791 §3.1: the largest IPv4 packet fits") {
    Translate translate;
    const auto sent = translate.one(inbound4()
                                        .dont_fragment()
                                        .tcp(kServerPort, kMappedPort)
                                        .payload(65535 - 40)
                                        .segmented(1400));
    CHECK(sent.bytes.size() == 65555);
}

// ---- other refusals ----

TEST_CASE("RFC 6146 §3.4: other transport protocols are answered with Protocol Unreachable") {
    const Translate translate;
    for (unsigned protocol = 0; protocol < 256; ++protocol) {
        CAPTURE(protocol);
        if (protocol == 1 || protocol == 6 || protocol == 17) continue;
        CHECK(translate.verdict(inbound4().protocol(protocol).payload(64)) ==
              "unknown_protocol 3/2/0");
    }
}

TEST_CASE("RFC 7915 §4.2: an ICMPv4 error with a wrong checksum is dropped") {
    const Translate translate;
    const auto quoted = outbound4().udp(kMappedPort, kServerPort).payload(30).bytes();
    CHECK(translate.verdict(inbound4().icmp(3, 3).payload(quoted)) == "accepted");
    CHECK(translate.verdict(inbound4().icmp(3, 3).payload(quoted).checksum(0x1234)) ==
          "bad_icmp_checksum");
}

TEST_CASE("RFC 6146 §3.4: an ICMPv4 error in fragments is dropped") {
    const Translate translate;
    const auto quoted = outbound4().udp(kMappedPort, kServerPort).payload(28).bytes();
    CHECK(translate.verdict(inbound4().fragment(0, true, 1).icmp(3, 3).payload(quoted)) ==
          "fragmented_icmp_error");
}

TEST_CASE("bytes behind the IPv4 length do not leave") {
    Translate translate;
    auto bytes = udp4().bytes();
    append(bytes, pattern(18, 0x99));
    CHECK(compare(translate.one(bytes).bytes, udp6().bytes()) == "");
}
