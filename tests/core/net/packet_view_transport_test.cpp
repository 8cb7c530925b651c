// SPDX-License-Identifier: Apache-2.0
// parse_packet() on TCP, UDP and ICMP headers in both families, whole, first fragments and
// quoted.
#include "core/net/packet_view.hpp"
#include "core/verdict.hpp"
#include "tests/support/bytes.hpp"
#include "tests/support/packet_builder.hpp"

#include <cstddef>
#include <cstdint>
#include <string>

#include <doctest/doctest.h>

namespace nat64 {
namespace {

using test::Bytes;
using test::PacketBuilder;

PacketBuilder four() {
    return test::ipv4("192.0.2.1", "198.51.100.7");
}

PacketBuilder six() {
    return test::ipv6("2001:db8::1", "64:ff9b::192.0.2.33");
}

std::string failure(test::View bytes, Completeness completeness = Completeness::Whole) {
    const auto view = parse_packet(bytes, completeness);
    return view ? "" : std::string{info(view.error()).label};
}

/// Cuts the packet to `size` bytes behind the IP headers and says so in its length field.
Bytes cut(const PacketBuilder& builder, std::size_t size) {
    auto bytes = builder.bytes();
    const auto offset = parse_packet(bytes)->transport_offset;
    bytes.resize(offset + size);
    if (test::get8(bytes, 0) >> 4 == 4) {
        test::put16(bytes, 2, static_cast<unsigned>(bytes.size()));
        test::fix_ipv4_checksum(bytes);
    } else {
        test::put16(bytes, 4, static_cast<unsigned>(bytes.size() - 40));
    }
    return bytes;
}

TEST_CASE("RFC 9293 §3.1: flags and ports of a TCP segment") {
    for (const auto& builder : {four(), six(), six().fragment(0, false, 1)}) {
        auto tcp = builder;
        const auto bytes = tcp.tcp(40000, 443, 0x12).payload(5).bytes();
        const auto view = parse_packet(bytes);
        REQUIRE(view);
        CHECK(view->tcp_flags == 0x12);
        CHECK(view->source_port == 40000);
        CHECK(view->destination_port == 443);
        CHECK(view->tcp().window.value() == 64240);
        L4Proto protocol{};
        CHECK(view->l4(protocol));
        CHECK(protocol == L4Proto::Tcp);
    }
}

TEST_CASE("RFC 9293 §3.1: a TCP header that is cut short, as in a tiny fragment, is refused") {
    for (const auto& base : {four().tcp(1, 2).payload(20), six().tcp(1, 2).payload(20)}) {
        for (std::size_t size = 0; size < 20; ++size) {
            CAPTURE(size);
            CHECK(failure(cut(base, size)) == "bad_transport_header");
        }
        CHECK(failure(cut(base, 20)) == "");
        for (const std::size_t size : {8U, 16U}) {
            auto tiny = base;
            CHECK(failure(tiny.piece(0, size, 1).bytes()) == "bad_transport_header");
        }
        auto first = base;
        CHECK(failure(first.piece(0, 24, 1).bytes()) == "");
    }
}

TEST_CASE("RFC 9293 §3.1: the data offset lies between 5 and the end of the packet") {
    for (const auto& base : {four().tcp(1, 2).payload(8), six().tcp(1, 2).payload(8)}) {
        auto bytes = base.bytes();
        const auto at = parse_packet(bytes)->transport_offset + 12U;
        for (unsigned words = 0; words < 16; ++words) {
            CAPTURE(words);
            test::put8(bytes, at, words << 4);
            const bool fits = words >= 5 && words <= 7;
            CHECK(failure(bytes) == (fits ? "" : "bad_transport_header"));
        }
    }
}

struct UdpLength {
    unsigned length;
    bool whole;          ///< legal in a whole packet of 28 bytes of UDP
    bool first_fragment; ///< legal in the first 24 of them
};

TEST_CASE("RFC 768, RFC 9868: UDP length against IP length") {
    const UdpLength cases[] = {
        {0, false, false},
        {7, false, false},
        {8, true, true},
        {27, true, true},
        {28, true, true},
        {29, false, true},
        {65535, false, true},
    };
    for (const auto& base : {four().udp(1, 2).payload(20), six().udp(1, 2).payload(20)})
        for (const auto& length : cases) {
            CAPTURE(length.length);
            auto bytes = base.bytes();
            test::put16(bytes, parse_packet(bytes)->transport_offset + 4U, length.length);
            CHECK(failure(bytes) == (length.whole ? "" : "bad_transport_header"));
            bytes = PacketBuilder{base}.piece(0, 24, 1).bytes();
            test::put16(bytes, parse_packet(bytes)->transport_offset + 4U, length.length);
            CHECK(failure(bytes) == (length.first_fragment ? "" : "bad_transport_header"));
        }
}

TEST_CASE(
    "RFC 768, RFC 792, RFC 4443 §2.1: UDP and ICMP headers that are cut short are refused") {
    for (const auto& base : {four().udp(1, 2).payload(8),
                             six().udp(1, 2).payload(8),
                             four().echo_request(1).payload(8),
                             six().echo_request(1).payload(8)})
        for (std::size_t size = 0; size < 8; ++size) {
            CAPTURE(size);
            CHECK(failure(cut(base, size)) == "bad_transport_header");
        }
    CHECK(failure(cut(four().echo_request(1).payload(8), 8)) == "");
    CHECK(failure(cut(six().echo_reply(1).payload(8), 8)) == "");
}

TEST_CASE("RFC 6146 §3.4: the identifier of an ICMP query stands in for both ports") {
    for (const auto& bytes : {four().echo_request(0xabcd, 0x1111).bytes(),
                              four().echo_reply(0xabcd, 0x1111).bytes(),
                              six().echo_request(0xabcd, 0x1111).bytes(),
                              six().echo_reply(0xabcd, 0x1111).bytes()}) {
        const auto view = parse_packet(bytes);
        REQUIRE(view);
        CHECK(view->source_port == 0xabcd);
        CHECK(view->destination_port == 0xabcd);
        CHECK(!view->is_icmp_error());
        L4Proto protocol{};
        CHECK(view->l4(protocol));
        CHECK(protocol == L4Proto::Icmp);
    }
}

TEST_CASE("RFC 6146 §3.4: other ICMP messages have no identifier") {
    // Timestamp request (IPv4), errors, neighbour solicitation: the same bytes mean other
    // things.
    for (const auto& bytes : {four().icmp(13, 0, 0xabcd0001).bytes(),
                              four().icmp(3, 4, 0xabcd0001).bytes(),
                              six().icmp(135, 0, 0xabcd0001).bytes(),
                              six().icmp(2, 0, 0xabcd0001).bytes(),
                              six().icmp(8, 0, 0xabcd0001).bytes(),
                              four().icmp(128, 0, 0xabcd0001).bytes()}) {
        const auto view = parse_packet(bytes);
        REQUIRE(view);
        CHECK(view->source_port == 0);
        CHECK(view->destination_port == 0);
    }
}

TEST_CASE("RFC 1122 §3.2.2, RFC 4443 §2.1: which ICMP messages are errors") {
    for (unsigned type = 0; type < 256; ++type) {
        CAPTURE(type);
        const auto v4 = parse_packet(four().icmp(type, 1).bytes());
        const auto v6 = parse_packet(six().icmp(type, 1).bytes());
        REQUIRE(v4);
        REQUIRE(v6);
        CHECK(v4->icmp_type == type);
        CHECK(v6->icmp_type == type);
        CHECK(v4->icmp_code == 1);
        const bool error4 = type == 3 || type == 4 || type == 5 || type == 11 || type == 12;
        CHECK(v4->is_icmp_error() == error4);
        CHECK(v6->is_icmp_error() == (type < 128));
    }
    CHECK(!parse_packet(four().udp(1, 2).bytes())->is_icmp_error());
    CHECK(!parse_packet(six().udp(1, 2).bytes())->is_icmp_error());
}

TEST_CASE("RFC 7915 §4.1, §5.1: the other family's ICMP is just an unknown protocol") {
    const auto v6_in_v4 = parse_packet(four().protocol(58).payload(3).bytes());
    const auto v4_in_v6 = parse_packet(six().protocol(1).payload(3).bytes());
    REQUIRE(v6_in_v4);
    REQUIRE(v4_in_v6);
    L4Proto protocol{};
    CHECK(!v6_in_v4->l4(protocol));
    CHECK(!v4_in_v6->l4(protocol));
    CHECK(!v4_in_v6->is_icmp_error());
    CHECK(!parse_packet(four().protocol(132).payload(3).bytes())->l4(protocol));
}

TEST_CASE("RFC 792, RFC 4443 §2.4: a quoted packet may end behind eight bytes of transport") {
    const PacketBuilder packets[] = {
        four().tcp(40000, 443, 0x02).tcp_options(test::unhex("02 04 05 b4")).payload(600),
        six().tcp(40000, 443, 0x02).payload(600),
        four().udp(40000, 443).payload(600),
        six().extension(60).udp(40000, 443).payload(600),
        six().fragment(0, false, 1).udp(40000, 443).payload(600),
        four().options(test::unhex("94 04 00 00")).udp(40000, 443).payload(600),
    };
    for (const auto& builder : packets) {
        const auto bytes = builder.bytes();
        const auto whole = parse_packet(bytes);
        REQUIRE(whole);
        for (std::size_t size = 0; size <= bytes.size(); ++size) {
            CAPTURE(size);
            const auto view = parse_packet(test::View{bytes}.first(size), Completeness::Quoted);
            REQUIRE(view.has_value() == (size >= whole->transport_offset + 8U));
            if (!view) continue;
            REQUIRE(view->bytes.size() == size);
            REQUIRE(view->length == bytes.size());
            REQUIRE(view->transport_length() == bytes.size() - whole->transport_offset);
            REQUIRE(view->source_port == 40000);
            REQUIRE(view->destination_port == 443);
            REQUIRE(view->transport_offset == whole->transport_offset);
            const bool flags = size >= whole->transport_offset + 14U;
            REQUIRE(view->tcp_flags == (flags ? whole->tcp_flags : 0));
        }
    }
}

TEST_CASE("RFC 792: the header checksum of a quoted packet is not checked, as routers differ") {
    auto bytes = four().udp(1, 2).payload(8).bytes();
    test::put16(bytes, 10, 0);
    CHECK(failure(bytes) == "bad_ipv4_checksum");
    CHECK(failure(bytes, Completeness::Quoted) == "");
}

TEST_CASE("RFC 4884 §4: padding behind a quoted packet is not part of it") {
    for (const auto& builder : {four().udp(1, 2).payload(8), six().udp(1, 2).payload(8)}) {
        auto bytes = builder.bytes();
        const auto size = bytes.size();
        bytes.resize(128);
        const auto view = parse_packet(bytes, Completeness::Quoted);
        REQUIRE(view);
        CHECK(view->bytes.size() == size);
    }
}

TEST_CASE("RFC 792: quoted packets that are of no use") {
    auto v4 = four().udp(1, 2).payload(8).bytes();
    CHECK(failure({}, Completeness::Quoted) == "truncated");
    CHECK(failure(test::View{v4}.first(19), Completeness::Quoted) == "truncated");
    CHECK(failure(test::View{v4}.first(27), Completeness::Quoted) == "bad_transport_header");
    const auto options = four().options(Bytes(40, std::byte{1})).udp(1, 2).bytes();
    CHECK(failure(test::View{options}.first(59), Completeness::Quoted) == "truncated");
    const auto chained = six().extension(60, 64).udp(1, 2).bytes();
    CHECK(failure(test::View{chained}.first(90), Completeness::Quoted) == "truncated");
    test::put8(v4, 0, 0x55);
    CHECK(failure(v4, Completeness::Quoted) == "bad_version");
}

TEST_CASE("RFC 792: a quoted later fragment needs no transport header") {
    for (const auto& builder : {four().udp(1, 2).payload(64), six().udp(1, 2).payload(64)}) {
        auto piece = builder;
        const auto bytes = piece.piece(16, 24, 9).bytes();
        const auto headers = parse_packet(bytes)->transport_offset;
        const auto view =
            parse_packet(test::View{bytes}.first(headers + 3U), Completeness::Quoted);
        REQUIRE(view);
        CHECK(view->fragment_offset == 16);
        CHECK(!view->has_transport_header());
        CHECK(view->source_port == 0);
    }
}

} // namespace
} // namespace nat64
