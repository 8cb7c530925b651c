// SPDX-License-Identifier: Apache-2.0
// parse_packet() on the IPv4 header: what is read out of it, and each reason to refuse it.
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

test::PacketBuilder packet() {
    return test::ipv4("192.0.2.1", "198.51.100.7").udp(4000, 53).payload(20);
}

/// The label of the reason why not, or "".
std::string failure(test::View bytes) {
    const auto view = parse_packet(bytes);
    return view ? "" : std::string{info(view.error()).label};
}

TEST_CASE("RFC 791 §3.1: the fields of an IPv4 header") {
    const auto bytes = packet().traffic_class(0xb9).identification(0xbeef).hop_limit(7).bytes();
    const auto view = parse_packet(bytes);
    REQUIRE(view);
    CHECK(view->family == Family::V4);
    CHECK(view->protocol == 17);
    CHECK(view->traffic_class == 0xb9);
    CHECK(view->hop_limit == 7);
    CHECK(view->fragment_id == 0xbeef);
    CHECK(view->length == 48);
    CHECK(view->bytes.size() == 48);
    CHECK(view->transport_offset == 20);
    CHECK(view->transport_length() == 28);
    CHECK(view->source_port == 4000);
    CHECK(view->destination_port == 53);
    CHECK(!view->dont_fragment);
    CHECK(!view->is_fragment());
    CHECK(view->has_transport_header());
    CHECK(!view->source_route);
    CHECK(view->ipv4().source.value() == Ipv4Addr{192, 0, 2, 1});
    CHECK(view->ipv4().destination.value() == Ipv4Addr{198, 51, 100, 7});
    CHECK(view->udp().length.value() == 28);
}

TEST_CASE("RFC 791 §3.1: bytes behind the total length are not part of the packet") {
    auto bytes = packet().bytes();
    bytes.resize(64); // link padding
    const auto view = parse_packet(bytes);
    REQUIRE(view);
    CHECK(view->bytes.size() == 48);
    CHECK(view->length == 48);
}

struct Damage {
    const char* what;
    const char* reason;
    std::function<void(Bytes&)> apply;
    bool mend_checksum = true;
};

TEST_CASE("RFC 791 §3.1: IPv4 headers that are refused, each for its reason") {
    const Damage cases[] = {
        {"version 5", "bad_version", [](Bytes& b) { test::put8(b, 0, 0x55); }},
        {"version 0", "bad_version", [](Bytes& b) { test::put8(b, 0, 0x05); }},
        {"header length 4", "bad_ipv4_header", [](Bytes& b) { test::put8(b, 0, 0x44); }, false},
        {"header length 0", "bad_ipv4_header", [](Bytes& b) { test::put8(b, 0, 0x40); }, false},
        {"header longer than the packet",
         "bad_ipv4_header",
         [](Bytes& b) {
             test::put8(b, 0, 0x4f);
             test::put16(b, 2, 48);
         },
         false},
        {"total length below the header",
         "bad_ipv4_header",
         [](Bytes& b) { test::put16(b, 2, 19); }},
        {"total length 0", "bad_ipv4_header", [](Bytes& b) { test::put16(b, 2, 0); }},
        {"total length beyond the bytes", "truncated", [](Bytes& b) { test::put16(b, 2, 49); }},
        {"cut inside the header", "truncated", [](Bytes& b) { b.resize(19); }, false},
        {"nothing at all", "truncated", [](Bytes& b) { b.clear(); }, false},
        {"checksum off by one",
         "bad_ipv4_checksum",
         [](Bytes& b) { test::put16(b, 10, test::get16(b, 10) + 1U); },
         false},
        {"TTL changed", "bad_ipv4_checksum", [](Bytes& b) { test::put8(b, 8, 63); }, false},
    };
    for (const auto& damage : cases) {
        CAPTURE(damage.what);
        auto bytes = packet().bytes();
        damage.apply(bytes);
        if (damage.mend_checksum) test::fix_ipv4_checksum(bytes);
        CHECK(failure(bytes) == damage.reason);
    }
}

TEST_CASE("RFC 791 §3.1: the checksum covers options") {
    auto bytes = packet().options(test::unhex("94 04 00 00")).bytes();
    CHECK(failure(bytes) == "");
    test::put8(bytes, 23, 1);
    CHECK(failure(bytes) == "bad_ipv4_checksum");
}

struct Options {
    const char* what;
    const char* bytes;
    const char* reason;
    bool source_route = false;
};

TEST_CASE("RFC 791 §3.1, RFC 7915 §4.1: options are skipped, unexpired source routes seen") {
    const Options cases[] = {
        {"none but padding", "00 00 00 00", ""},
        {"no-operations to the end", "01 01 01 01 01 01 01 01", ""},
        {"router alert", "94 04 00 00", ""},
        {"record route", "07 07 04 00 00 00 00", ""},
        {"timestamp, then end", "44 08 05 00 00 00 00 00 00 00 00 00", ""},
        {"unknown option", "de 06 01 02 03 04", ""},
        {"LSRR, next hop first", "83 07 04 c0 00 02 01", "", true},
        {"LSRR, second of two", "83 0b 08 c0 00 02 01 c0 00 02 02", "", true},
        {"LSRR, pointer at the last byte", "83 08 08 c0 00 02 01 00", "", true},
        {"LSRR, exhausted", "83 07 08 c0 00 02 01", ""},
        {"LSRR, empty", "83 03 04", ""},
        {"SSRR, next hop first", "89 07 04 c0 00 02 01", "", true},
        {"SSRR, exhausted", "89 07 08 c0 00 02 01", ""},
        {"LSRR behind no-operations", "01 01 01 83 07 04 c0 00 02 01", "", true},
        {"LSRR behind the end of options", "00 83 07 04 c0 00 02 01", ""},
        {"length 0", "94 00 00 00", "bad_ipv4_header"},
        {"length 1", "94 01 00 00", "bad_ipv4_header"},
        {"longer than the header", "94 05 00 00", "bad_ipv4_header"},
        {"type without length", "01 01 01 94", "bad_ipv4_header"},
        {"LSRR of two bytes", "83 02 04 02", "bad_ipv4_header"},
        {"LSRR with a pointer into itself", "83 07 03 c0 00 02 01", "bad_ipv4_header"},
        {"LSRR with pointer 0", "83 07 00 c0 00 02 01", "bad_ipv4_header"},
    };
    for (const auto& options : cases) {
        CAPTURE(options.what);
        const auto bytes = packet().options(test::unhex(options.bytes)).bytes();
        CHECK(failure(bytes) == options.reason);
        if (const auto view = parse_packet(bytes)) {
            CHECK(view->source_route == options.source_route);
            CHECK(view->transport_offset == (test::get8(bytes, 0) & 15U) * 4U);
            CHECK(view->destination_port == 53);
        }
    }
}

TEST_CASE("RFC 791 §3.1: forty bytes of options are read to the last") {
    Bytes options(40, std::byte{1});
    auto bytes = packet().options(options).bytes();
    REQUIRE(parse_packet(bytes));
    CHECK(parse_packet(bytes)->transport_offset == 60);
    options[39] = std::byte{0x94}; // a type whose length would lie behind the header
    CHECK(failure(packet().options(options).bytes()) == "bad_ipv4_header");
}

struct Fragment {
    const char* what;
    std::size_t offset;
    bool more;
    std::size_t payload;
    const char* reason;
};

TEST_CASE("RFC 791 §3.2: IPv4 fragments, and those no packet can have") {
    const Fragment cases[] = {
        {"first", 0, true, 24, ""},
        {"first, unaligned", 0, true, 25, "bad_fragment"},
        {"middle", 1480, true, 1480, ""},
        {"middle, unaligned", 1480, true, 1476, "bad_fragment"},
        {"last, any size", 1480, false, 3, ""},
        {"last, empty", 1480, false, 0, "bad_fragment"},
        {"middle, empty", 1480, true, 0, "bad_fragment"},
        {"up to 65535 bytes", 65512, false, 3, ""},
        {"beyond 65535 bytes", 65512, false, 4, "bad_fragment"},
        {"beyond 65535 bytes, more to come", 65512, true, 8, "bad_fragment"},
    };
    for (const auto& fragment : cases) {
        CAPTURE(fragment.what);
        // Protocol 50: no transport header to trip over.
        const auto bytes = test::ipv4("192.0.2.1", "198.51.100.7")
                               .protocol(50)
                               .payload(fragment.payload)
                               .fragment(fragment.offset, fragment.more, 0x1234)
                               .bytes();
        CHECK(failure(bytes) == fragment.reason);
        if (const auto view = parse_packet(bytes)) {
            CHECK(view->is_fragment());
            CHECK(view->fragment_offset == fragment.offset);
            CHECK(view->more_fragments == fragment.more);
            CHECK(view->fragment_id == 0x1234);
            CHECK(view->has_transport_header() == (fragment.offset == 0));
        }
    }
}

TEST_CASE("RFC 791 §3.1: DF, and a packet that is no fragment") {
    const auto view = parse_packet(packet().dont_fragment().bytes());
    REQUIRE(view);
    CHECK(view->dont_fragment);
    CHECK(!view->is_fragment());
    CHECK(!view->has_fragment_header);
}

TEST_CASE("RFC 791 §3.2: a later fragment has no ports, whatever its bytes look like") {
    const auto view = parse_packet(packet().piece(8, 16, 1).bytes());
    REQUIRE(view);
    CHECK(view->source_port == 0);
    CHECK(view->destination_port == 0);
    CHECK(view->protocol == 17);
}

} // namespace
} // namespace nat64
