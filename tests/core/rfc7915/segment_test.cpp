// SPDX-License-Identifier: Apache-2.0
// core/rfc7915/segment: what has DF=0 and is too big for the IPv6 side (RFC 7915 §4.1).
// Fragments are put together again and compared with the packet they should make.
#include "tests/core/rfc7915/translate.hpp"
#include "tests/support/describe.hpp"
#include "tests/support/reassemble.hpp"

#include <algorithm>
#include <cstddef>
#include <map>
#include <vector>

#include <doctest/doctest.h>

using namespace nat64;
using namespace nat64::test;

namespace {

std::vector<Bytes> bytes_of(const std::vector<Sent>& sent) {
    std::vector<Bytes> all;
    for (const auto& packet : sent)
        all.push_back(packet.bytes);
    return all;
}

Bytes put_together(const std::vector<Bytes>& pieces) {
    const auto whole = reassemble(pieces);
    REQUIRE(whole.has_value());
    return *whole;
}

std::size_t largest(const std::vector<Sent>& sent) {
    std::size_t size = 0;
    for (const auto& packet : sent)
        size = std::max(size, packet.bytes.size());
    return size;
}

/// All IPv6 packets in `sent`, put together where they are fragments, in the order of their
/// first pieces.
std::vector<Bytes> packets_in(const std::vector<Sent>& sent) {
    std::vector<Bytes> whole;
    std::vector<std::vector<Bytes>> groups;
    std::map<std::uint32_t, std::size_t> by_id;
    for (const auto& packet : sent) {
        const auto layout = read_layout(packet.bytes);
        if (!layout.is_fragment()) {
            groups.push_back({packet.bytes});
            continue;
        }
        const auto [at, is_new] = by_id.try_emplace(layout.identification, groups.size());
        if (is_new) groups.emplace_back();
        groups[at->second].push_back(packet.bytes);
    }
    for (const auto& group : groups)
        whole.push_back(group.size() == 1 ? group.front() : put_together(group));
    return whole;
}

} // namespace

TEST_CASE("RFC 7915 §4.1: DF=0 packets are cut down to lowest_ipv6_mtu") {
    Translate translate;
    for (const unsigned limit : {1280U, 1400U, 1283U}) {
        translate.settings.lowest_ipv6_mtu = Mtu{limit};
        for (std::size_t size = limit - 30; size <= limit + 30; ++size) {
            CAPTURE(limit);
            CAPTURE(size);
            const auto sent = translate.all(
                inbound4().identification(77).udp(kServerPort, kMappedPort).payload(size - 28));
            const auto expected = inbound6().udp(kServerPort, kClientPort).payload(size - 28);
            CHECK(sent.size() == (size + 20 <= limit ? 1 : 2));
            CHECK(largest(sent) <= limit);
            CHECK(compare(packets_in(sent).front(), expected.bytes()) == "");
        }
    }
}

TEST_CASE("RFC 7915 §4.1: every piece but the last is as large as may be") {
    Translate translate;
    const auto sent = translate.all(
        inbound4().identification(0xfedc).udp(kServerPort, kMappedPort).payload(4000));
    REQUIRE(sent.size() == 4);
    for (std::size_t i = 0; i < sent.size(); ++i) {
        const auto layout = read_layout(sent[i].bytes);
        CHECK(layout.identification == 0xfedc);
        CHECK(layout.fragment_offset == i * 1232);
        CHECK(layout.more_fragments == (i != 3));
        CHECK(sent[i].bytes.size() == (i != 3 ? 1280 : 48 + 4008 - 3 * 1232));
    }
}

TEST_CASE("RFC 7915 §4.1: the limit is never above the MTU of the IPv6 side") {
    Translate translate;
    translate.settings.lowest_ipv6_mtu = Mtu{1500};
    translate.settings.ipv6_mtu = Mtu{1300};
    const auto sent = translate.all(inbound4().udp(kServerPort, kMappedPort).payload(1400));
    CHECK(sent.size() == 2);
    CHECK(largest(sent) <= 1300);
}

TEST_CASE("RFC 7915 §4.1: TCP segments and ICMP queries are cut as well") {
    Translate translate;
    const auto tcp = translate.all(inbound4().tcp(kServerPort, kMappedPort).payload(1460));
    CHECK(tcp.size() == 2);
    CHECK(compare(packets_in(tcp).front(),
                  inbound6().tcp(kServerPort, kClientPort).payload(1460).bytes()) == "");
    const auto echo = translate.all(inbound4().echo_reply(kMappedPort).payload(5000));
    CHECK(echo.size() == 5);
    CHECK(compare(packets_in(echo).front(),
                  inbound6().echo_reply(kClientPort).payload(5000).bytes()) == "");
}

TEST_CASE("RFC 7915 §4.1: fragments that are too big are cut and keep their place") {
    Translate translate;
    for (const std::size_t piece : {1232U, 1240U, 1480U, 2960U, 8000U}) {
        CAPTURE(piece);
        std::vector<Sent> sent;
        const auto whole = inbound4().udp(kServerPort, kMappedPort).payload(9001);
        for (const auto& fragment : whole.in_pieces(piece, 0x7777))
            for (const auto& out : translate.all(fragment))
                sent.push_back(out);
        CHECK(largest(sent) <= 1280);
        const auto expected = inbound6().udp(kServerPort, kClientPort).payload(9001);
        CHECK(compare(put_together(bytes_of(sent)), expected.bytes()) == "");
    }
}

TEST_CASE("RFC 7915 §4.1: a last fragment that fits but for its Fragment header stays one") {
    Translate translate;
    for (std::size_t size = 1230; size <= 1242; ++size) {
        CAPTURE(size);
        const auto whole = inbound4().udp(kServerPort, kMappedPort).payload(1600 - 8 + size);
        const auto sent = translate.all(PacketBuilder{whole}.piece(1600, size, 0x7777));
        REQUIRE(sent.size() == (size <= 1232 ? 1 : 2));
        CHECK(largest(sent) <= 1280);
        for (const auto& piece : sent)
            CHECK(read_layout(piece.bytes).fragment_offset >= 1600);
        CHECK_FALSE(read_layout(sent.back().bytes).more_fragments);
    }
}

TEST_CASE("RFC 791 §3.2: the largest datagram in fragments") {
    Translate translate;
    const auto sent =
        translate.all(inbound4().udp(kServerPort, kMappedPort).payload(65535 - 28));
    const auto expected = inbound6().udp(kServerPort, kClientPort).payload(65535 - 28);
    CHECK(sent.size() == 54);
    CHECK(compare(put_together(bytes_of(sent)), expected.bytes()) == "");
}

TEST_CASE("a partial checksum is finished before the packet is cut") {
    Translate translate;
    for (const std::size_t size : {1400U, 1401U}) {
        const auto tcp = translate.all(
            inbound4().tcp(kServerPort, kMappedPort).payload(size).partial_checksum());
        REQUIRE(tcp.size() == 2);
        CHECK_FALSE(tcp.front().offload.partial_checksum);
        CHECK(compare(packets_in(tcp).front(),
                      inbound6().tcp(kServerPort, kClientPort).payload(size).bytes()) == "");
        const auto udp = translate.all(
            inbound4().udp(kServerPort, kMappedPort).payload(size).partial_checksum());
        CHECK(compare(packets_in(udp).front(),
                      inbound6().udp(kServerPort, kClientPort).payload(size).bytes()) == "");
    }
}

TEST_CASE("RFC 7915 §4.5: a missing UDP checksum is summed before the packet is cut") {
    Translate translate;
    translate.settings.partial_checksums = rfc7915::PartialChecksums::Allowed;
    const auto sent =
        translate.all(inbound4().udp(kServerPort, kMappedPort).payload(3000).checksum(0));
    CHECK(sent.size() == 3);
    CHECK_FALSE(sent.front().offload.partial_checksum);
    CHECK(compare(packets_in(sent).front(),
                  inbound6().udp(kServerPort, kClientPort).payload(3000).bytes()) == "");
}

TEST_CASE("RFC 7915 §4.1: the pieces of a hairpinned packet do not count a hop twice") {
    Translate translate;
    translate.settings.hop_policy = rfc7915::HopPolicy::Decrement;
    const auto packet = inbound4().hop_limit(9).udp(kServerPort, kMappedPort).payload(3000);
    for (const auto& piece : translate.all(packet))
        CHECK(get8(piece.bytes, 7) == 8);
    translate.count_hop = rfc7915::CountHop::No;
    for (const auto& piece : translate.all(packet))
        CHECK(get8(piece.bytes, 7) == 9);
}

// ---- super-packets ----

TEST_CASE("a super-packet with DF=0 whose segments fit leaves as it is") {
    Translate translate;
    const auto tcp =
        translate.one(inbound4().tcp(kServerPort, kMappedPort).payload(20000).segmented(1220));
    CHECK(tcp.offload.segment_size == 1220);
    const auto udp =
        translate.one(inbound4().udp(kServerPort, kMappedPort).payload(20000).segmented(1232));
    CHECK(udp.offload.segment_size == 1232);
}

TEST_CASE("RFC 7915 §4.1: a TCP super-packet with DF=0 gets smaller segments") {
    Translate translate;
    const auto plain =
        translate.one(inbound4().tcp(kServerPort, kMappedPort).payload(20000).segmented(1460));
    CHECK(plain.offload.segmentation == Segmentation::Tcp);
    CHECK(plain.offload.segment_size == 1280 - 60);
    const auto options = unhex("01 01 08 0a 00 00 00 01 00 00 00 02");
    const auto with_options = translate.one(inbound4()
                                                .tcp(kServerPort, kMappedPort)
                                                .tcp_options(options)
                                                .payload(20000)
                                                .segmented(1448));
    CHECK(with_options.offload.segment_size == 1280 - 72);
}

TEST_CASE("RFC 7915 §4.1: a UDP super-packet with DF=0 becomes datagrams in fragments") {
    Translate translate;
    for (const std::size_t size : {1401U, 2800U, 2801U, 4000U, 30011U}) {
        CAPTURE(size);
        const auto payload = pattern(size);
        const auto sent = translate.all(inbound4()
                                            .identification(0xfffe)
                                            .traffic_class(3)
                                            .udp(kServerPort, kMappedPort)
                                            .payload(payload)
                                            .segmented(1400));
        CHECK(largest(sent) <= 1280);
        const auto datagrams = packets_in(sent);
        REQUIRE(datagrams.size() == (size + 1399) / 1400);
        for (std::size_t i = 0; i < datagrams.size(); ++i) {
            const auto part =
                View{payload}.subspan(i * 1400, std::min<std::size_t>(1400, size - i * 1400));
            const auto expected =
                inbound6().traffic_class(3).udp(kServerPort, kClientPort).payload(part);
            CHECK(compare(datagrams[i], expected.bytes()) == "");
        }
        for (const auto& packet : sent)
            CHECK(packet.offload.segmentation == Segmentation::None);
    }
}

TEST_CASE("RFC 8021: the last datagram of a super-packet is no fragment if it fits") {
    Translate translate;
    for (const std::size_t last : {1231U, 1232U, 1233U}) {
        CAPTURE(last);
        const auto sent = translate.all(
            inbound4().udp(kServerPort, kMappedPort).payload(1400 + last).segmented(1400));
        REQUIRE(sent.size() == (last <= 1232 ? 3 : 4));
        CHECK((read_layout(sent[2].bytes).fragment_header != 0) == (last > 1232));
    }
}

TEST_CASE("RFC 7915 §4.1: identifications of the datagrams count up in 16 bits") {
    Translate translate;
    const auto sent = translate.all(inbound4()
                                        .identification(0xffff)
                                        .udp(kServerPort, kMappedPort)
                                        .payload(2800)
                                        .segmented(1400));
    REQUIRE(sent.size() == 4);
    CHECK(read_layout(sent[0].bytes).identification == 0xffff);
    CHECK(read_layout(sent[1].bytes).identification == 0xffff);
    CHECK(read_layout(sent[2].bytes).identification == 0);
    CHECK(read_layout(sent[3].bytes).identification == 0);
}
