// SPDX-License-Identifier: Apache-2.0
// core/rfc7915/quote: laying out quoted packet and extension (RFC 4884) in the room there is.
#include "core/rfc7915/quote.hpp"
#include "tests/support/bytes.hpp"
#include "tests/support/owned_packet.hpp"
#include "tests/support/packet_builder.hpp"

#include <algorithm>
#include <cstddef>

#include <doctest/doctest.h>

using namespace nat64;
using namespace nat64::rfc7915;
using namespace nat64::test;

namespace {

bool is_zero(View bytes) {
    return std::ranges::all_of(bytes, [](std::byte byte) { return byte == std::byte{0}; });
}

/// Everything that append_extension() promises, for one combination of sizes.
void check_layout(std::size_t room_size,
                  std::size_t size,
                  std::size_t extra,
                  std::size_t unit) {
    const auto datagram = pattern(size, 1);
    const auto extension = pattern(extra, 0x80);
    Bytes room(room_size, std::byte{0xee});
    std::ranges::copy(datagram, room.begin());
    const auto layout = append_extension(room, size, extension, unit);
    REQUIRE(layout.size <= room_size);
    if (extra == 0 || 128 + extra > room_size) {
        REQUIRE(layout.length_field == 0);
        REQUIRE(layout.size == size);
        return;
    }
    const auto quoted = layout.length_field * unit;
    REQUIRE(quoted >= 128);
    REQUIRE(layout.size == quoted + extra);
    const auto kept = std::min(size, quoted);
    REQUIRE(std::ranges::equal(View{room}.first(kept), View{datagram}.first(kept)));
    REQUIRE(is_zero(View{room}.subspan(kept, quoted - kept)));
    REQUIRE(std::ranges::equal(View{room}.subspan(quoted, extra), extension));
    // Nothing is cut that need not be.
    if (kept < size && layout.length_field < 255) REQUIRE(layout.size + unit > room_size);
}

} // namespace

TEST_CASE("RFC 4884 §3: padding, units and room for every combination of sizes") {
    for (const std::size_t unit : {4U, 8U})
        for (const std::size_t room : {127U, 128U, 140U, 200U, 548U, 1232U})
            for (std::size_t size = 28; size <= room; size += 3)
                for (const std::size_t extra :
                     {0U, 4U, 12U, 13U, 60U, 100U, 420U, 421U, 1104U, 1105U})
                    check_layout(room, size, extra, unit);
}

TEST_CASE("RFC 4884 §7: only a length field behind which an extension stands is believed") {
    const auto quoted = ipv4("198.51.100.7", "192.0.2.1").udp(4000, 53).payload(100).bytes();

    struct Case {
        const char* behind;
        bool extension;
    };

    constexpr Case cases[] = {
        {"20 00 00 00", true},                         // no objects, no checksum
        {"20 00 00 00 00 08 01 01 12 34 51 40", true}, // no checksum
        {"20 00 df ff", true},                         // right checksum
        {"20 00 df fe", false},                        // wrong checksum
        {"2f ff d0 00", true},                         // reserved bits are not looked at
        {"10 00 00 00", false},                        // version 1
        {"30 00 00 00", false},                        // version 3
        {"20 00 00", false},                           // cut short
        {"", false},                                   // nothing there
    };
    for (const auto& c : cases) {
        CAPTURE(c.behind);
        auto body = quoted;
        append(body, unhex(c.behind));
        const auto error =
            ipv4("192.0.2.9", "198.51.100.7").icmp(11, 0, 32U << 16).payload(body).bytes();
        const auto view = parse_packet(error);
        REQUIRE(view.has_value());
        const auto inner = parse_packet(View{error}.subspan(28), Completeness::Quoted);
        REQUIRE(inner.has_value());
        const auto quote = split_quote(*view, *inner);
        CHECK(quote.datagram.size() == 128);
        CHECK(quote.extension.size() == (c.extension ? unhex(c.behind).size() : 0));
    }
}

TEST_CASE("replace_contents: a message of any size fits the room around the packet") {
    for (std::size_t before = 56; before <= 200; before += 9) {
        for (std::size_t after = 56; after <= before + 148; ++after) {
            OwnedPacket packet{pattern(before)};
            packet.buffer().offload.partial_checksum = true;
            const auto message = pattern(after, 7);
            replace_contents(packet.buffer(), message);
            REQUIRE(std::ranges::equal(packet.bytes(), message));
            REQUIRE_FALSE(packet.buffer().offload.partial_checksum);
        }
    }
}
