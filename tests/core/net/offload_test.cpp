// SPDX-License-Identifier: Apache-2.0
// normalize_offload(): which offload metadata is kept, finished or refused.
#include "core/net/offload.hpp"
#include "core/net/packet_buffer.hpp"
#include "core/net/packet_view.hpp"
#include "core/verdict.hpp"
#include "tests/support/bytes.hpp"
#include "tests/support/check_packet.hpp"
#include "tests/support/naive_checksum.hpp"
#include "tests/support/owned_packet.hpp"
#include "tests/support/packet_builder.hpp"
#include "tests/support/rng.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>

#include <doctest/doctest.h>

namespace nat64 {
namespace {

using test::OwnedPacket;
using test::PacketBuilder;
using test::Random;

PacketBuilder four() {
    return test::ipv4("192.0.2.1", "198.51.100.7");
}

PacketBuilder six() {
    return test::ipv6("2001:db8::1", "64:ff9b::192.0.2.33");
}

/// False if it was refused, which must be for BadOffload.
bool normalize(OwnedPacket& packet) {
    const auto view = parse_packet(packet.bytes());
    REQUIRE(view);
    const auto result = normalize_offload(packet.buffer(), *view);
    if (!result) CHECK(result.error() == DropReason::BadOffload);
    return result.has_value();
}

TEST_CASE("A packet without offload metadata is left alone") {
    auto packet = six().udp(1, 2).payload(10).packet();
    const auto before = packet.copy();
    CHECK(normalize(packet));
    CHECK(packet.copy() == before);
    CHECK(!packet.buffer().offload.partial_checksum);
}

TEST_CASE("TCP's and UDP's own partial checksum is kept, the bytes untouched") {
    for (auto& packet : {four().tcp(1, 2).payload(99),
                         six().udp(1, 2).payload(99),
                         six().extension(60).tcp(1, 2),
                         six().fragment(0, false, 1).udp(1, 2)}) {
        auto owned = PacketBuilder{packet}.partial_checksum().packet();
        const auto before = owned.copy();
        CHECK(normalize(owned));
        CHECK(owned.copy() == before);
        CHECK(owned.buffer().offload.partial_checksum);
        CHECK(owned.buffer().offload.checksum_start ==
              parse_packet(owned.bytes())->transport_offset);
    }
}

TEST_CASE("A partial checksum that is not TCP's or UDP's is finished") {
    for (auto& builder : {four().echo_request(7).payload(99),
                          six().echo_request(7).payload(98),
                          six().icmp(2, 0, 1280).payload(six().udp(1, 2).bytes())}) {
        auto packet = PacketBuilder{builder}.partial_checksum().packet();
        CHECK(normalize(packet));
        CHECK(test::check_packet(packet.bytes()) == "");
        CHECK(packet.copy() == builder.bytes());
        const auto& offload = packet.buffer().offload;
        CHECK(!offload.partial_checksum);
        CHECK(offload.checksum_start == 0);
        CHECK(offload.checksum_offset == 0);
    }
}

TEST_CASE("A partial checksum of an encapsulated packet is finished from where it starts") {
    // GRE-like: protocol 47, 4 bytes, an inner packet whose UDP checksum is left to the device.
    const auto inner = four().udp(1, 2).payload(11);
    auto inner_bytes = PacketBuilder{inner}.partial_checksum().bytes();
    auto payload = test::unhex("00 00 08 00");
    test::append(payload, inner_bytes);
    Offload offload;
    offload.partial_checksum = true;
    offload.checksum_start = 20 + 4 + 20;
    offload.checksum_offset = 6;
    OwnedPacket packet{four().protocol(47).payload(payload).bytes(), offload};
    CHECK(normalize(packet));
    CHECK(test::check_packet(packet.bytes().subspan(24)) == "");
    CHECK(!packet.buffer().offload.partial_checksum);
}

TEST_CASE("RFC 768: a finished UDP checksum of zero is sent as 0xffff") {
    // Inside an unknown protocol, so that it is finished; the data make the sum 0xffff.
    test::Bytes payload(8);
    test::put16(payload, 0, 0xfff0);
    test::put16(payload, 6, 0x000f);
    Offload offload;
    offload.partial_checksum = true;
    offload.checksum_start = 20;
    offload.checksum_offset = 6;
    OwnedPacket packet{four().protocol(47).payload(payload).bytes(), offload};
    REQUIRE(test::naive_checksum(payload) == 0);
    CHECK(normalize(packet));
    CHECK(test::get16(packet.bytes(), 26) == 0xffff);
}

TEST_CASE("A fragment with a partial checksum is finished as the device would have done it") {
    auto packet = six().udp(1, 2).payload(40).partial_checksum().piece(0, 24, 1).packet();
    CHECK(normalize(packet));
    CHECK(!packet.buffer().offload.partial_checksum);
    const auto transport = packet.bytes().subspan(48);
    auto expected = six().udp(1, 2).payload(40).partial_checksum().piece(0, 24, 1).bytes();
    test::put16(expected, 48 + 6, test::naive_checksum(test::View{expected}.subspan(48)));
    CHECK(packet.copy() == expected);
    CHECK(transport.size() == 24);
}

TEST_CASE("A finished ICMP checksum of zero stays zero: it does not mean that there is none") {
    test::Bytes payload(10);
    const auto unfinished = four().echo_request(7).payload(test::View{payload}).bytes();
    test::put16(payload, 8, test::get16(unfinished, 22));
    const auto echo = four().echo_request(7).payload(test::View{payload});
    REQUIRE(test::get16(echo.bytes(), 22) == 0);
    auto packet = PacketBuilder{echo}.partial_checksum().packet();
    CHECK(normalize(packet));
    CHECK(packet.copy() == echo.bytes());
}

TEST_CASE("A later fragment has no header that was parsed: its checksum may be anywhere") {
    for (const std::uint16_t offset : std::array<std::uint16_t, 4>{0, 4, 7, 22}) {
        CAPTURE(offset);
        Offload offload;
        offload.partial_checksum = true;
        offload.checksum_start = 48;
        offload.checksum_offset = offset;
        auto expected = six().udp(1, 2).payload(40).piece(24, 24, 1).bytes();
        OwnedPacket packet{expected, offload};
        CHECK(normalize(packet));
        CHECK(!packet.buffer().offload.partial_checksum);
        test::put16(
            expected, 48U + offset, test::naive_checksum(test::View{expected}.subspan(48)));
        CHECK(packet.copy() == expected);
    }
}

struct BadChecksum {
    const char* what;
    std::uint16_t start;
    std::uint16_t offset;
};

TEST_CASE("A partial checksum that points outside the packet or into its headers is refused") {
    // IPv6, UDP with 20 bytes: 68 in all, transport from 40.
    const BadChecksum cases[] = {
        {"start in the IPv6 header", 39, 6},
        {"start in the IPv6 header, field UDP's checksum", 39, 7},
        {"start at 0", 0, 6},
        {"field half outside", 40, 27},
        {"field behind the end", 66, 6},
        {"start behind the end", 69, 0},
        {"start at 65535", 65535, 65535},
        {"field is UDP's source port", 40, 0},
        {"field is UDP's length", 40, 4},
        {"field is half UDP's checksum", 40, 7},
    };
    for (const auto& bad : cases) {
        CAPTURE(bad.what);
        Offload offload;
        offload.partial_checksum = true;
        offload.checksum_start = bad.start;
        offload.checksum_offset = bad.offset;
        OwnedPacket packet{six().udp(1, 2).payload(20).bytes(), offload};
        CHECK(!normalize(packet));
    }
    Offload offload;
    offload.partial_checksum = true;
    offload.checksum_start = 40;
    offload.checksum_offset = 26; // the last two bytes: odd, but inside
    OwnedPacket packet{six().udp(1, 2).payload(20).bytes(), offload};
    CHECK(normalize(packet));
}

TEST_CASE("What has been parsed of a header is no place for a checksum") {
    for (const auto& builder : {four().tcp(1, 2).payload(20),
                                six().udp(1, 2).payload(20),
                                four().echo_request(7).payload(20),
                                six().icmp(2, 0, 1280).payload(six().udp(1, 2).bytes())}) {
        const auto bytes = builder.bytes();
        const auto view = parse_packet(bytes);
        REQUIRE(view);
        const auto behind = view->protocol == kProtoTcp ? 20U : 8U;
        const auto own = view->protocol == kProtoTcp   ? 16U
                         : view->protocol == kProtoUdp ? 6U
                                                       : 2U;
        for (std::uint16_t offset = 0; offset < behind + 2; ++offset) {
            CAPTURE(offset);
            Offload offload;
            offload.partial_checksum = true;
            offload.checksum_start = view->transport_offset;
            offload.checksum_offset = offset;
            OwnedPacket packet{bytes, offload};
            CHECK(normalize(packet) == (offset == own || offset >= behind));
        }
    }
}

TEST_CASE("Padding behind the packet is not summed and is no place for a checksum") {
    auto bytes = six().echo_request(7).payload(9).partial_checksum().bytes();
    const auto offload = six().echo_request(7).partial_checksum().offload();
    const auto size = bytes.size();
    bytes.resize(size + 6, std::byte{0x11});
    OwnedPacket packet{bytes, offload};
    CHECK(normalize(packet));
    CHECK(test::check_packet(packet.bytes().first(size)) == "");
}

struct Segments {
    const char* what;
    PacketBuilder packet;
    std::function<void(Offload&)> change;
    bool accepted;
    Segmentation left; ///< if accepted
};

TEST_CASE(
    "Segmentation is kept only where it fits the packet and makes more than one segment") {
    const auto nothing = [](Offload&) {};
    const auto tcp = six().tcp(1, 2).payload(3000).segmented(1400);
    const auto udp = four().udp(1, 2).payload(3000).segmented(1400);
    const Segments cases[] = {
        {"TCP", tcp, nothing, true, Segmentation::Tcp},
        {"TCP over IPv4",
         four().tcp(1, 2).payload(3000).segmented(1400),
         nothing,
         true,
         Segmentation::Tcp},
        {"TCP behind extension headers",
         six().extension(60).tcp(1, 2).payload(3000).segmented(1400),
         nothing,
         true,
         Segmentation::Tcp},
        {"UDP", udp, nothing, true, Segmentation::Udp},
        {"TCP with CWR in the first segment",
         tcp,
         [](Offload& o) { o.tcp_cwr = true; },
         true,
         Segmentation::Tcp},
        {"TCP with a full checksum",
         tcp,
         [](Offload& o) { o.partial_checksum = false; },
         true,
         Segmentation::Tcp},
        {"payload of exactly one segment",
         six().tcp(1, 2).payload(1400).segmented(1400),
         nothing,
         true,
         Segmentation::None},
        {"one segment: TCP options are not payload",
         six().tcp(1, 2).tcp_options(test::Bytes(40)).payload(1400).segmented(1400),
         nothing,
         true,
         Segmentation::None},
        {"one byte more",
         six().tcp(1, 2).payload(1401).segmented(1400),
         nothing,
         true,
         Segmentation::Tcp},
        {"UDP, payload of exactly one segment",
         six().udp(1, 2).payload(1400).segmented(1400),
         nothing,
         true,
         Segmentation::None},
        {"one segment has no first one to carry CWR alone",
         six().tcp(1, 2).payload(1400).segmented(1400),
         [](Offload& o) { o.tcp_cwr = true; },
         true,
         Segmentation::None},
        {"TCP without payload",
         six().tcp(1, 2).segmented(1400),
         nothing,
         true,
         Segmentation::None},
        {"UDP without a partial checksum",
         udp,
         [](Offload& o) { o.partial_checksum = false; },
         false,
         {}},
        {"UDP with CWR", udp, [](Offload& o) { o.tcp_cwr = true; }, false, {}},
        {"segment size 0", tcp, [](Offload& o) { o.segment_size = 0; }, false, {}},
        {"TCP segments of UDP",
         udp,
         [](Offload& o) { o.segmentation = Segmentation::Tcp; },
         false,
         {}},
        {"UDP segments of TCP",
         tcp,
         [](Offload& o) { o.segmentation = Segmentation::Udp; },
         false,
         {}},
        {"UDP segments of ICMP",
         six().echo_request(1).payload(3000).segmented(1400),
         nothing,
         false,
         {}},
        {"segments of a fragment",
         six().tcp(1, 2).payload(2996).segmented(1400).fragment(0, true, 1),
         nothing,
         false,
         {}},
        {"segments of a later fragment",
         six().tcp(1, 2).payload(3000).segmented(1400).piece(1600, 1400, 1),
         nothing,
         false,
         {}},
        {"segments with a checksum elsewhere",
         tcp,
         [](Offload& o) { o.checksum_offset = 14; },
         false,
         {}},
        {"segments with a checksum in their data",
         tcp,
         [](Offload& o) { o.checksum_offset = 40; },
         false,
         {}},
    };
    for (const auto& segments : cases) {
        CAPTURE(segments.what);
        auto packet = segments.packet.packet();
        segments.change(packet.buffer().offload);
        REQUIRE(normalize(packet) == segments.accepted);
        if (!segments.accepted) continue;
        const auto& offload = packet.buffer().offload;
        CHECK(offload.segmentation == segments.left);
        CHECK((offload.segment_size == 0) == (segments.left == Segmentation::None));
        if (segments.left == Segmentation::None) CHECK(!offload.tcp_cwr);
    }
}

// ---- what the plain way asks ----

/// Values near those that mean something.
Offload random_offload(Random& random, std::uint16_t transport) {
    const auto one_of = [&random](auto... choices) {
        const std::array all{static_cast<std::uint16_t>(choices)...};
        return all[random.between(0, all.size() - 1)];
    };
    Offload offload;
    offload.segmentation = static_cast<Segmentation>(random.between(0, 2));
    offload.tcp_cwr = random.one_in(2);
    offload.partial_checksum = random.one_in(2);
    offload.segment_size = one_of(0, 1, 20, 1400);
    offload.checksum_start = one_of(0, transport - 1, transport, 60);
    offload.checksum_offset = one_of(0, 6, 16, 20);
    return offload;
}

bool same(const Offload& a, const Offload& b) {
    return a.segmentation == b.segmentation && a.tcp_cwr == b.tcp_cwr &&
           a.partial_checksum == b.partial_checksum && a.segment_size == b.segment_size &&
           a.checksum_start == b.checksum_start && a.checksum_offset == b.checksum_offset;
}

TEST_CASE("is_normal_and_whole() says yes exactly where nothing is left to be done") {
    Random random{1};
    for (const auto& builder : {four().tcp(1, 2).payload(60),
                                six().tcp(1, 2).payload(60),
                                four().udp(1, 2).payload(60),
                                six().udp(1, 2).payload(60)}) {
        const auto bytes = builder.bytes();
        const auto view = parse_packet(bytes);
        REQUIRE(view);
        unsigned normal = 0;
        for (int i = 0; i < 10'000; ++i) {
            const auto offload = random_offload(random, view->transport_offset);
            OwnedPacket packet{bytes, offload};
            const bool nothing_to_do = normalize(packet) && packet.copy() == bytes &&
                                       same(packet.buffer().offload, offload) &&
                                       offload.segmentation == Segmentation::None;
            REQUIRE(is_normal_and_whole(offload, *view) == nothing_to_do);
            normal += nothing_to_do ? 1U : 0U;
        }
        CHECK(normal > 10);
    }
}

} // namespace
} // namespace nat64
