// SPDX-License-Identifier: Apache-2.0
// parse_packet() on the IPv6 header and the chain of extension headers behind it.
#include "core/net/packet_view.hpp"
#include "core/verdict.hpp"
#include "tests/support/bytes.hpp"
#include "tests/support/packet_builder.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>

#include <doctest/doctest.h>

namespace nat64 {
namespace {

using test::Bytes;
using test::PacketBuilder;

constexpr unsigned kHopByHop = 0;
constexpr unsigned kRouting = 43;
constexpr unsigned kFragment = 44;
constexpr unsigned kDestination = 60;

PacketBuilder packet() {
    return test::ipv6("2001:db8::1", "64:ff9b::192.0.2.33").udp(4000, 53).payload(20);
}

std::string failure(test::View bytes) {
    const auto view = parse_packet(bytes);
    return view ? "" : std::string{info(view.error()).label};
}

TEST_CASE("RFC 8200 §3: the fields of an IPv6 header") {
    const auto bytes = packet().traffic_class(0xb9).flow_label(0xfffff).hop_limit(7).bytes();
    const auto view = parse_packet(bytes);
    REQUIRE(view);
    CHECK(view->family == Family::V6);
    CHECK(view->protocol == 17);
    CHECK(view->traffic_class == 0xb9);
    CHECK(view->hop_limit == 7);
    CHECK(view->length == 68);
    CHECK(view->transport_offset == 40);
    CHECK(view->transport_length() == 28);
    CHECK(view->source_port == 4000);
    CHECK(view->destination_port == 53);
    CHECK(!view->has_fragment_header);
    CHECK(!view->is_fragment());
    CHECK(view->segments_left_offset == 0);
    CHECK(view->ipv6().source.value() == Ipv6Addr::parse("2001:db8::1"));
    CHECK(view->ipv6().destination.value() == Ipv6Addr::parse("64:ff9b::192.0.2.33"));
}

TEST_CASE("RFC 8200 §3: bytes behind the payload length are not part of the packet") {
    auto bytes = packet().bytes();
    bytes.resize(100);
    const auto view = parse_packet(bytes);
    REQUIRE(view);
    CHECK(view->bytes.size() == 68);
}

TEST_CASE("RFC 8200 §3: an IPv6 packet shorter than it says is refused") {
    auto bytes = packet().bytes();
    CHECK(failure(test::View{bytes}.first(39)) == "truncated");
    CHECK(failure(test::View{bytes}.first(67)) == "truncated");
    test::put16(bytes, 4, 29);
    CHECK(failure(bytes) == "truncated");
}

TEST_CASE("RFC 2675 §3: jumbograms are not carried: a payload length of 0 is no payload") {
    auto tcp = test::ipv6("2001:db8::1", "64:ff9b::192.0.2.33").tcp(1, 2).bytes();
    test::put16(tcp, 4, 0);
    CHECK(failure(tcp) == "bad_transport_header");
    auto jumbo = packet().extension(kHopByHop).bytes();
    test::put16(jumbo, 4, 0);
    CHECK(failure(jumbo) == "bad_extension_header");
}

struct Chain {
    const char* what;
    std::function<void(PacketBuilder&)> build;
    const char* reason;
    std::size_t transport_offset = 0;
};

TEST_CASE("RFC 8200 §4: chains of extension headers") {
    const Chain cases[] = {
        {"hop-by-hop", [](auto& p) { p.extension(kHopByHop); }, "", 48},
        {"hop-by-hop, longest", [](auto& p) { p.extension(kHopByHop, 2048); }, "", 40 + 2048},
        {"destination options", [](auto& p) { p.extension(kDestination, 24); }, "", 64},
        {"finished routing header", [](auto& p) { p.routing(0); }, "", 64},
        {"all in the order of RFC 8200 §4.1",
         [](auto& p) {
             p.extension(kHopByHop).extension(kDestination).routing(0).fragment(0, false, 1);
             p.extension(kDestination, 16);
         },
         "",
         40 + 8 + 8 + 24 + 8 + 16},
        {"destination options twice in a row",
         [](auto& p) { p.extension(kDestination).extension(kDestination); },
         "",
         56},
        {"atomic fragment first, hop-by-hop not there",
         [](auto& p) { p.fragment(0, false, 1).extension(kDestination); },
         "",
         56},
        {"hop-by-hop second",
         [](auto& p) { p.extension(kDestination).extension(kHopByHop); },
         "bad_extension_header"},
        {"hop-by-hop twice",
         [](auto& p) { p.extension(kHopByHop).extension(kHopByHop); },
         "bad_extension_header"},
        {"hop-by-hop behind a fragment header",
         [](auto& p) { p.fragment(0, false, 1).extension(kHopByHop); },
         "bad_extension_header"},
        {"two fragment headers, both atomic",
         [](auto& p) { p.fragment(0, false, 1).extension(kFragment); },
         "bad_extension_header"},
        {"eight headers",
         [](auto& p) {
             for (int i = 0; i < 8; ++i)
                 p.extension(kDestination);
         },
         "",
         40 + 64},
        {"nine headers",
         [](auto& p) {
             for (int i = 0; i < 9; ++i)
                 p.extension(kDestination);
         },
         "bad_extension_header"},
    };
    for (const auto& chain : cases) {
        CAPTURE(chain.what);
        auto builder = packet();
        chain.build(builder);
        const auto bytes = builder.bytes();
        CHECK(failure(bytes) == chain.reason);
        if (const auto view = parse_packet(bytes)) {
            CHECK(view->transport_offset == chain.transport_offset);
            CHECK(view->protocol == 17);
            CHECK(view->destination_port == 53);
            CHECK(view->segments_left_offset == 0);
        }
    }
}

TEST_CASE("RFC 8200 §4.2: a chain that runs past the packet is refused") {
    for (const unsigned protocol : {kHopByHop, kRouting, kDestination}) {
        CAPTURE(protocol);
        auto bytes = packet().extension(protocol).bytes(); // 76 bytes, 36 behind the IP header
        test::put8(bytes, 41, 3);                          // 32 bytes: ends inside, 4 are left
        CHECK(failure(bytes) != "");
        test::put8(bytes, 41, 4); // 40 bytes: ends 4 bytes behind the packet
        CHECK(failure(bytes) == "bad_extension_header");
        test::put8(bytes, 41, 255);
        CHECK(failure(bytes) == "bad_extension_header");
    }
    auto bytes = packet().protocol(kDestination).payload(std::size_t{7}).bytes();
    CHECK(failure(bytes) == "bad_extension_header");
    bytes = packet().protocol(kFragment).payload(std::size_t{0}).bytes();
    CHECK(failure(bytes) == "bad_extension_header");
}

TEST_CASE("RFC 8200 §4.4: an unfinished routing header is pointed at") {
    auto view = parse_packet(packet().routing(1).bytes());
    REQUIRE(view);
    CHECK(view->segments_left_offset == 43);
    CHECK(view->destination_port == 53);
    const auto behind = packet().extension(kHopByHop).routing(0).routing(3).routing(2).bytes();
    view = parse_packet(behind);
    REQUIRE(view);
    CHECK(view->segments_left_offset == 40 + 8 + 24 + 3);
    CHECK(test::get8(behind, view->segments_left_offset) == 3);
}

TEST_CASE("RFC 8200 §4.7, RFC 4302, RFC 4303: what is no extension header ends the chain") {
    for (const unsigned protocol :
         {59U, 50U, 51U, 58U, 132U, 135U, 139U, 140U, 253U, 1U, 4U, 41U}) {
        CAPTURE(protocol);
        const auto view = parse_packet(
            packet().extension(kDestination).protocol(protocol).payload(16).bytes());
        REQUIRE(view);
        CHECK(view->protocol == protocol);
        CHECK(view->transport_offset == 48);
    }
    const auto empty = parse_packet(packet().protocol(59).payload(std::size_t{0}).bytes());
    REQUIRE(empty);
    CHECK(empty->transport_length() == 0);
}

TEST_CASE("RFC 8200 §4.5: the fields of a Fragment header") {
    const auto bytes = packet().extension(kDestination).piece(16, 8, 0xdeadbeef).bytes();
    const auto view = parse_packet(bytes);
    REQUIRE(view);
    CHECK(view->has_fragment_header);
    CHECK(view->is_fragment());
    CHECK(view->more_fragments);
    CHECK(view->fragment_offset == 16);
    CHECK(view->fragment_id == 0xdeadbeef);
    CHECK(view->fragment_header_offset == 48);
    CHECK(view->transport_offset == 56);
    CHECK(view->protocol == 17);
    CHECK(!view->has_transport_header());
    CHECK(view->source_port == 0);
    CHECK(view->fragment_header().identification.value() == 0xdeadbeef);
}

TEST_CASE("RFC 6946 §4: an atomic fragment is a whole packet") {
    const auto view = parse_packet(packet().fragment(0, false, 7).bytes());
    REQUIRE(view);
    CHECK(view->has_fragment_header);
    CHECK(!view->is_fragment());
    CHECK(view->has_transport_header());
    CHECK(view->destination_port == 53);
    CHECK(view->fragment_id == 7);
}

TEST_CASE("RFC 8200 §4.5: reserved bits of a Fragment header are ignored") {
    auto bytes = packet().piece(16, 8, 1).bytes();
    test::put8(bytes, 41, 0xff);
    test::put16(bytes, 42, test::get16(bytes, 42) | 6U);
    const auto view = parse_packet(bytes);
    REQUIRE(view);
    CHECK(view->fragment_offset == 16);
    CHECK(view->more_fragments);
    auto last = packet().fragment(16, false, 1).bytes();
    test::put16(last, 42, test::get16(last, 42) | 6U);
    REQUIRE(parse_packet(last));
    CHECK(parse_packet(last)->fragment_offset == 16);
    CHECK_FALSE(parse_packet(last)->more_fragments);
}

struct Fragment {
    const char* what;
    std::size_t headers; ///< of destination options in front of the Fragment header
    std::size_t offset;
    bool more;
    std::size_t payload;
    const char* reason;
};

TEST_CASE("RFC 8200 §4.5: IPv6 fragments, and those no packet can have") {
    const Fragment cases[] = {
        {"first", 0, 0, true, 24, ""},
        {"first, unaligned", 0, 0, true, 25, "bad_fragment"},
        {"middle, unaligned", 0, 1448, true, 1444, "bad_fragment"},
        {"last, any size", 0, 1448, false, 1, ""},
        {"last, empty", 0, 1448, false, 0, "bad_fragment"},
        {"first, empty", 0, 0, true, 0, "bad_fragment"},
        {"payload up to 65535 bytes", 0, 65528, false, 7, ""},
        {"payload beyond 65535 bytes", 0, 65528, false, 8, "bad_fragment"},
        {"headers in front count", 8, 65520, false, 7, ""},
        {"headers in front count, too much", 8, 65520, false, 8, "bad_fragment"},
    };
    for (const auto& fragment : cases) {
        CAPTURE(fragment.what);
        auto builder = test::ipv6("2001:db8::1", "64:ff9b::192.0.2.33").protocol(50);
        if (fragment.headers != 0) builder.extension(kDestination, fragment.headers);
        const auto bytes = builder.payload(fragment.payload)
                               .fragment(fragment.offset, fragment.more, 1)
                               .bytes();
        CHECK(failure(bytes) == fragment.reason);
    }
}

TEST_CASE("RFC 8200 §4.5: behind the Fragment header of a later fragment nothing is read") {
    // The second piece of destination options and UDP: its first bytes are no header.
    const auto bytes = packet().fragment(0, false, 1).extension(kDestination, 16).bytes();
    auto later = bytes;
    test::put16(later, 42, 8);  // offset 8, last
    test::put8(later, 49, 255); // would be a header length far beyond the packet
    const auto view = parse_packet(later);
    REQUIRE(view);
    CHECK(view->protocol == kDestination);
    CHECK(view->transport_offset == 48);
    CHECK(view->fragment_offset == 8);
}

TEST_CASE("RFC 7112 §5: a first fragment has the whole chain of headers") {
    auto builder = packet().fragment(0, true, 1).extension(kDestination, 32);
    auto bytes = builder.bytes();
    CHECK(failure(bytes) == "bad_fragment"); // 32 + 28 bytes are not aligned
    bytes.resize(40 + 8 + 24);               // ends inside the destination options
    test::put16(bytes, 4, 32);
    CHECK(failure(bytes) == "bad_extension_header");
    bytes = builder.payload(std::size_t{16}).bytes();
    CHECK(failure(bytes) == "");
}

} // namespace
} // namespace nat64
