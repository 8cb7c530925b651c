// SPDX-License-Identifier: Apache-2.0
// core/rfc7915/transport: checksums of TCP, UDP and ICMP queries through translation, full and
// partial, right, wrong and missing. Translate checks each result by naive summing.
#include "core/net/packet_view.hpp"
#include "tests/core/rfc7915/translate.hpp"
#include "tests/support/check_packet.hpp"
#include "tests/support/naive_checksum.hpp"

#include <array>
#include <cstdint>
#include <functional>
#include <set>
#include <vector>

#include <doctest/doctest.h>

using namespace nat64;
using namespace nat64::test;

namespace {

enum class Form { Full, Partial, Segmented };

constexpr Form kForms[] = {Form::Full, Form::Partial, Form::Segmented};

PacketBuilder in_form(PacketBuilder packet, Form form, std::size_t segment) {
    switch (form) {
    case Form::Full:
        return packet;
    case Form::Partial:
        return packet.partial_checksum();
    case Form::Segmented:
        return packet.segmented(segment);
    }
    return packet;
}

void check_form(const Sent& sent, Form form, std::size_t segment, std::uint16_t start) {
    const auto& offload = sent.offload;
    CHECK(offload.partial_checksum == (form != Form::Full));
    CHECK(offload.checksum_start == (form == Form::Full ? 0 : start));
    CHECK((offload.segmentation != Segmentation::None) == (form == Form::Segmented));
    CHECK(offload.segment_size == (form == Form::Segmented ? segment : 0));
}

/// A payload that makes the checksum, which stands at `field`, come out as zero.
Bytes payload_for_zero(PacketBuilder packet, std::size_t field) {
    Bytes payload(10);
    const auto checksum = get16(packet.payload(payload).bytes(), field);
    put16(payload, 8, checksum); // x + ~x is 0xffff, the complement of which is 0
    return payload;
}

} // namespace

TEST_CASE("RFC 7915 §5.5: full, partial and super-packet checksums, IPv6 to IPv4") {
    Translate translate;
    for (const auto form : kForms) {
        for (const std::size_t size : {4001U, 4000U, 3000U, 1001U}) {
            if (form != Form::Segmented && size > 1001) continue;
            const auto tcp =
                in_form(outbound6().tcp(kClientPort, kServerPort).payload(size), form, 1000);
            check_form(translate.one(tcp), form, 1000, 20);
            const auto udp =
                in_form(outbound6().udp(kClientPort, kServerPort).payload(size), form, 1000);
            check_form(translate.one(udp), form, 1000, 20);
        }
    }
}

TEST_CASE("RFC 7915 §4.5: full, partial and super-packet checksums, IPv4 to IPv6") {
    Translate translate;
    for (const auto form : kForms) {
        for (const std::size_t size : {4001U, 4000U, 3000U, 1001U}) {
            if (form != Form::Segmented && size > 1001) continue;
            const auto tcp =
                in_form(inbound4().tcp(kServerPort, kMappedPort).payload(size), form, 1000);
            check_form(translate.one(tcp), form, 1000, 40);
            const auto udp =
                in_form(inbound4().udp(kServerPort, kMappedPort).payload(size), form, 1000);
            check_form(translate.one(udp), form, 1000, 40);
        }
    }
}

TEST_CASE("offload metadata follows the headers through options and extension headers") {
    Translate translate;
    const auto options = unhex("94 04 00 00");
    const auto from4 = translate.one(inbound4()
                                         .options(options)
                                         .tcp(kServerPort, kMappedPort)
                                         .payload(3000)
                                         .segmented(1000));
    check_form(from4, Form::Segmented, 1000, 40);
    const auto from6 = translate.one(outbound6()
                                         .extension(60, 24)
                                         .tcp(kClientPort, kServerPort)
                                         .payload(3000)
                                         .segmented(1000));
    check_form(from6, Form::Segmented, 1000, 20);
}

TEST_CASE("RFC 1071 §1: no carry is lost, whatever the addresses") {
    constexpr std::array<std::uint64_t, 4> halves{
        0, 0xffff'ffff, 0xffff'ffff'0000'0000, 0xffff'ffff'ffff'ffff};
    constexpr Port port{0xffff};
    constexpr Endpoint4 end4{Ipv4Addr{0xffff'ffff}, port};
    auto rng = seeded_rng(1);
    rfc7915::Identification identification{rng};
    const auto scratch = std::make_unique<rfc7915::Scratch>();
    MemoryQueue queue;
    for (unsigned i = 0; i < 512; ++i) {
        CAPTURE(i);
        const auto half = [&halves, i](unsigned place) { return halves[i >> 2 * place & 3]; };
        const auto form = i < 256 ? Form::Full : Form::Partial;
        const auto a = Ipv6Addr::from_halves(half(0), half(1));
        const auto b = Ipv6Addr::from_halves(half(2), half(3));

        auto out = in_form(ipv6(a, b).tcp(0xffff, 0xffff).payload(4), form, 0).packet();
        ipv6_to_ipv4(out.buffer(),
                     *parse_packet(out.bytes()),
                     rfc7915::Outgoing4{end4, end4},
                     {},
                     identification);
        CHECK(check_packet(out.bytes(), out.buffer().offload) == "");

        auto in = in_form(inbound4().tcp(0xffff, 0xffff).payload(4), form, 0).packet();
        ipv4_to_ipv6(in.buffer(),
                     *parse_packet(in.bytes()),
                     rfc7915::Outgoing6{{a, port}, {b, port}},
                     {},
                     rfc7915::CountHop::Yes,
                     *scratch,
                     queue);
        const auto sent = queue.take();
        REQUIRE(sent.size() == 1);
        CHECK(check_packet(sent[0].bytes, sent[0].offload) == "");
    }
}

TEST_CASE("a wrong checksum stays wrong: the receiver is to see it") {
    Translate translate;
    const auto sent6 =
        translate.one(outbound6().udp(kClientPort, kServerPort).payload(8)).bytes;
    auto broken = outbound6().udp(kClientPort, kServerPort).payload(8).bytes();
    put8(broken, 50, get8(broken, 50) ^ 0x40U);
    OwnedPacket packet{broken};
    const auto view = parse_packet(packet.bytes());
    REQUIRE(view.has_value());
    auto rng = seeded_rng(3);
    rfc7915::Identification identification{rng};
    ipv6_to_ipv4(packet.buffer(), *view, outgoing4(), {}, identification);
    CHECK(get16(packet.copy(), 26) == get16(sent6, 26));
    CHECK(check_packet(packet.bytes()) != "");
}

// ---- zero ----

TEST_CASE("RFC 768: a UDP checksum that becomes zero leaves as 0xffff, both ways") {
    Translate translate;
    const auto payload4 = payload_for_zero(outbound4().udp(kMappedPort, kServerPort), 26);
    const auto to4 = translate.one(outbound6().udp(kClientPort, kServerPort).payload(payload4));
    CHECK(get16(to4.bytes, 26) == 0xffff);
    const auto payload6 = payload_for_zero(inbound6().udp(kServerPort, kClientPort), 46);
    const auto to6 = translate.one(inbound4().udp(kServerPort, kMappedPort).payload(payload6));
    CHECK(get16(to6.bytes, 46) == 0xffff);
}

TEST_CASE("RFC 9293 §3.1: a TCP checksum of zero is one like any other, both ways") {
    Translate translate;
    const auto to4 = [&](const Bytes& payload) {
        const auto sent =
            translate.one(outbound6().tcp(kClientPort, kServerPort).payload(payload));
        return compare_fresh(sent.bytes,
                             outbound4().tcp(kMappedPort, kServerPort).payload(payload));
    };
    CHECK(to4(payload_for_zero(outbound6().tcp(kClientPort, kServerPort), 56)) == "");
    CHECK(to4(payload_for_zero(outbound4().tcp(kMappedPort, kServerPort), 36)) == "");
    const auto to6 = [&](const Bytes& payload) {
        const auto sent =
            translate.one(inbound4().tcp(kServerPort, kMappedPort).payload(payload));
        return compare(sent.bytes,
                       inbound6().tcp(kServerPort, kClientPort).payload(payload).bytes());
    };
    CHECK(to6(payload_for_zero(inbound4().tcp(kServerPort, kMappedPort), 36)) == "");
    CHECK(to6(payload_for_zero(inbound6().tcp(kServerPort, kClientPort), 56)) == "");
}

TEST_CASE("RFC 768: every UDP checksum there is translates to a right one that is not zero") {
    Translate translate;
    std::set<unsigned> seen;
    Bytes payload(10);
    for (unsigned value = 0; value < 0x10000; ++value) {
        put16(payload, 8, value);
        const auto packet = inbound4().udp(kServerPort, kMappedPort).payload(payload);
        const auto sent = translate.one(packet);
        const auto checksum = get16(sent.bytes, 46);
        REQUIRE(checksum != 0);
        seen.insert(checksum);
    }
    CHECK(seen.size() == 0xffff);
}

TEST_CASE("RFC 7915 §4.5: a UDP checksum of zero is computed") {
    Translate translate;
    for (const std::size_t size : {0U, 1U, 2U, 511U, 512U, 1232U}) {
        const auto packet = inbound4().udp(kServerPort, kMappedPort).payload(size).checksum(0);
        const auto sent = translate.one(packet);
        const auto expected = inbound6().udp(kServerPort, kClientPort).payload(size);
        CHECK(compare(sent.bytes, expected.bytes()) == "");
        CHECK_FALSE(sent.offload.partial_checksum);
    }
}

TEST_CASE("RFC 7915 §4.5: a computed UDP checksum of zero is sent as 0xffff") {
    Translate translate;
    const auto payload = payload_for_zero(inbound6().udp(kServerPort, kClientPort), 46);
    const auto packet = inbound4().udp(kServerPort, kMappedPort).payload(payload).checksum(0);
    CHECK(get16(translate.one(packet).bytes, 46) == 0xffff);
}

TEST_CASE("RFC 7915 §4.5: the device may compute a UDP checksum that is missing") {
    Translate translate;
    translate.settings.partial_checksums = rfc7915::PartialChecksums::Allowed;
    for (const std::size_t size : {0U, 1U, 1000U}) {
        const auto packet = inbound4().udp(kServerPort, kMappedPort).payload(size).checksum(0);
        const auto sent = translate.one(packet);
        check_form(sent, Form::Partial, 0, 40);
        // What the device will do:
        OwnedPacket finished{sent.bytes, sent.offload};
        rfc7915::finish_partial_checksum(finished.buffer());
        const auto expected = inbound6().udp(kServerPort, kClientPort).payload(size);
        CHECK(compare(finished.bytes(), expected.bytes()) == "");
        CHECK_FALSE(finished.buffer().offload.partial_checksum);
    }
}

TEST_CASE("RFC 9868: bytes behind a UDP datagram are not part of its checksum") {
    for (const auto partial :
         {rfc7915::PartialChecksums::Forbidden, rfc7915::PartialChecksums::Allowed}) {
        Translate translate;
        translate.settings.partial_checksums = partial;
        auto bytes = inbound4().udp(kServerPort, kMappedPort).payload(20).checksum(0).bytes();
        append(bytes, pattern(10, 0x70));
        put16(bytes, 2, static_cast<unsigned>(bytes.size()));
        fix_ipv4_checksum(bytes);
        OwnedPacket packet{bytes};
        const auto view = parse_packet(packet.bytes());
        REQUIRE(view.has_value());
        MemoryQueue queue;
        const auto scratch = std::make_unique<rfc7915::Scratch>();
        ipv4_to_ipv6(packet.buffer(),
                     *view,
                     outgoing6(),
                     translate.settings,
                     rfc7915::CountHop::Yes,
                     *scratch,
                     queue);
        const auto sent = queue.take().front();
        CHECK_FALSE(sent.offload.partial_checksum);
        const auto datagram = View{sent.bytes}.subspan(40, 28);
        CHECK(naive_sum(datagram, naive_pseudo_sum(sent.bytes, 17, 28)) == 0xffff);
    }
}

TEST_CASE("RFC 6936 §3: a datagram without checksum from the IPv6 side stays without") {
    Translate translate;
    const auto packet = outbound6().udp(kClientPort, kServerPort).payload(50).checksum(0);
    CHECK(get16(translate.one(packet).bytes, 26) == 0);
}

// ---- partial ----

TEST_CASE("a partial checksum is not touched by ports") {
    Translate translate;
    const auto tcp =
        translate.one(outbound6().tcp(kClientPort, kServerPort).payload(9).partial_checksum());
    const auto expected = naive_pseudo_sum(outbound4().tcp(1, 1).payload(9).bytes(), 6, 29);
    CHECK(get16(tcp.bytes, 36) % 0xffff == expected % 0xffff);
}

TEST_CASE("finish_partial_checksum: what the device would have done") {
    for (const auto& packet :
         {outbound6().tcp(kClientPort, kServerPort).payload(77),
          outbound6().udp(kClientPort, kServerPort).payload(77),
          inbound4().tcp(kServerPort, kMappedPort).payload(78),
          inbound4()
              .udp(kServerPort, kMappedPort)
              .payload(payload_for_zero(inbound4().udp(kServerPort, kMappedPort), 26))}) {
        auto partial = packet;
        auto owned = partial.partial_checksum().packet();
        rfc7915::finish_partial_checksum(owned.buffer());
        CHECK(compare(owned.bytes(), packet.bytes()) == "");
        check_form({{}, owned.buffer().offload}, Form::Full, 0, 0);
        CHECK(owned.buffer().offload.checksum_offset == 0);
        rfc7915::finish_partial_checksum(owned.buffer());
        CHECK(compare(owned.bytes(), packet.bytes()) == "");
    }
}
