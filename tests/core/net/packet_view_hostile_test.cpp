// SPDX-License-Identifier: Apache-2.0
// parse_packet() on packets cut and damaged everywhere. Each packet is copied to a buffer of
// exactly its size, so that the address sanitizer sees any look beyond it; whatever parses must
// hold the promises that PacketView makes.
#include "core/net/packet_view.hpp"
#include "tests/support/bytes.hpp"
#include "tests/support/packet_builder.hpp"
#include "tests/support/rng.hpp"

#include <algorithm>
#include <cstddef>
#include <string>
#include <vector>

#include <doctest/doctest.h>

namespace nat64 {
namespace {

using test::Bytes;

std::vector<Bytes> golden_packets() {
    const auto four = [] { return test::ipv4("192.0.2.1", "198.51.100.7"); };
    const auto six = [] { return test::ipv6("2001:db8::1", "64:ff9b::192.0.2.33"); };
    const auto quoted4 = four().udp(53, 4000).payload(40).bytes();
    const auto quoted6 = six().tcp(443, 40000).payload(40).bytes();
    return {
        four().udp(4000, 53).payload(9).bytes(),
        four().tcp(40000, 443, 2).tcp_options(test::unhex("02 04 05 b4 01 03 03 07")).bytes(),
        four().echo_request(7).payload(16).bytes(),
        four().icmp(3, 4, 1280).payload(quoted4).bytes(),
        four().icmp(11, 0).payload(quoted4).extensions(test::unhex("00 04 01 01")).bytes(),
        four().options(test::unhex("83 0b 08 c0 00 02 01 c0 00 02 02 01")).udp(1, 2).bytes(),
        four().udp(4000, 53).payload(64).piece(0, 32, 1).bytes(),
        four().udp(4000, 53).payload(64).piece(32, 40, 1).bytes(),
        four().protocol(132).payload(12).bytes(),
        six().udp(4000, 53).payload(9).bytes(),
        six().tcp(40000, 443, 2).tcp_options(test::unhex("02 04 05 a0")).bytes(),
        six().echo_reply(7).payload(16).bytes(),
        six().icmp(2, 0, 1280).payload(quoted6).bytes(),
        six().icmp(3, 0).payload(quoted6).extensions(test::unhex("00 04 01 01")).bytes(),
        six().extension(0, 16).extension(60).routing(2).fragment(0, false, 9).udp(1, 2).bytes(),
        six().fragment(0, false, 1).extension(60, 24).udp(1, 2).payload(3).bytes(),
        six().udp(4000, 53).payload(64).piece(0, 32, 1).bytes(),
        six().extension(60).udp(4000, 53).payload(64).piece(32, 40, 1).bytes(),
        six().protocol(59).bytes(),
    };
}

/// Everything that code behind the parser relies on.
void check_promises(const PacketView& view, std::size_t size, Completeness completeness) {
    const bool whole = completeness == Completeness::Whole;
    REQUIRE(view.bytes.size() <= size);
    REQUIRE(view.transport_offset <= view.bytes.size());
    REQUIRE(view.transport_offset >= (view.family == Family::V4 ? 20 : 40));
    REQUIRE(view.length >= view.bytes.size());
    if (whole) REQUIRE(view.length == view.bytes.size());
    if (view.has_fragment_header)
        REQUIRE(view.fragment_header_offset + 8U <= view.transport_offset);
    if (view.segments_left_offset != 0)
        REQUIRE(view.segments_left_offset < view.transport_offset);
    if (view.more_fragments) REQUIRE(view.fragment_offset + view.transport_length() <= 65535);
    L4Proto protocol{};
    if (!view.l4(protocol) || !view.has_transport_header()) {
        REQUIRE(view.source_port == 0);
        return;
    }
    REQUIRE(view.transport().size() >= 8);
    if (!whole) return;
    if (protocol == L4Proto::Tcp) REQUIRE((view.tcp().data_offset >> 4) >= 5);
    if (protocol == L4Proto::Udp) REQUIRE(view.udp().length.value() >= 8);
}

/// Parses a copy without a spare byte behind it.
bool parse_copy(test::View bytes, Completeness completeness) {
    const Bytes exact{bytes.begin(), bytes.end()};
    const auto view = parse_packet(exact, completeness);
    if (view) check_promises(*view, exact.size(), completeness);
    return view.has_value();
}

TEST_CASE("RFC 1122 §3.2.1: a packet cut anywhere is refused, whole or quoted never misread") {
    for (const auto& bytes : golden_packets()) {
        CAPTURE(test::hex(bytes));
        REQUIRE(parse_copy(bytes, Completeness::Whole));
        REQUIRE(parse_copy(bytes, Completeness::Quoted));
        for (std::size_t size = 0; size < bytes.size(); ++size) {
            REQUIRE(!parse_copy(test::View{bytes}.first(size), Completeness::Whole));
            parse_copy(test::View{bytes}.first(size), Completeness::Quoted);
        }
    }
}

TEST_CASE("RFC 1122 §3.2.1: any byte may have any value") {
    for (const auto& bytes : golden_packets()) {
        CAPTURE(test::hex(bytes));
        const auto limit = std::min<std::size_t>(bytes.size(), 100);
        for (std::size_t at = 0; at < limit; ++at)
            for (unsigned value = 0; value < 256; ++value) {
                auto damaged = bytes;
                test::put8(damaged, at, value);
                if (test::get8(damaged, 0) >> 4 == 4 &&
                    (test::get8(damaged, 0) & 15U) * 4U >= 20 &&
                    (test::get8(damaged, 0) & 15U) * 4U <= damaged.size())
                    test::fix_ipv4_checksum(damaged); // or nothing would get past it
                parse_copy(damaged, Completeness::Whole);
                parse_copy(damaged, Completeness::Quoted);
            }
    }
}

TEST_CASE("RFC 1122 §3.2.1: many bytes may have any value") {
    test::Random random{1};
    const auto packets = golden_packets();
    int parsed = 0;
    for (int i = 0; i < 100000; ++i) {
        auto bytes = packets[random.between(0, packets.size() - 1)];
        for (auto n = random.between(1, 4); n > 0; --n)
            test::put8(bytes,
                       random.between(0, std::min<std::size_t>(bytes.size(), 80) - 1),
                       random.word());
        bytes.resize(random.one_in(4) ? random.between(0, bytes.size()) : bytes.size());
        parsed += parse_copy(bytes, Completeness::Quoted) ? 1 : 0;
    }
    CHECK(parsed > 1000); // or this test tests nothing
}

} // namespace
} // namespace nat64
