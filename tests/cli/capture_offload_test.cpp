// SPDX-License-Identifier: Apache-2.0
// Recognising what the network card had yet to do, and doing it. The packets are the builder's,
// which sums for itself.
#include "cli/capture_offload.hpp"
#include "tests/support/check_packet.hpp"
#include "tests/support/packet_builder.hpp"

#include <doctest/doctest.h>

using namespace nat64;
using namespace nat64::cli;
using test::ipv4;
using test::ipv6;

namespace {

constexpr rfc7915::Settings kMtus;

Offload guess(const test::PacketBuilder& packet) {
    const auto bytes = packet.bytes();
    return guess_offload(bytes, kMtus);
}

} // namespace

TEST_CASE("capture offload: right, absent and wrong checksums are left as they are") {
    for (const auto& packet :
         {ipv6("2001:db8::1", "64:ff9b::1").udp(1, 2).payload(100),
          ipv6("2001:db8::1", "64:ff9b::1").tcp(1, 2).payload(3000),
          ipv4("192.0.2.1", "192.0.2.2").tcp(1, 2).payload(100),
          ipv4("192.0.2.1", "192.0.2.2").udp(1, 2).checksum(0).payload(100),
          ipv4("192.0.2.1", "192.0.2.2").udp(1, 2).checksum(0x1234).payload(9),
          ipv4("192.0.2.1", "192.0.2.2").icmp(8, 0).checksum(1).payload(100),
          ipv6("2001:db8::1", "64:ff9b::1").udp(1, 2).payload(99).fragment(0, true, 7),
          ipv4("192.0.2.1", "192.0.2.2").protocol(47).payload(3000)}) {
        const auto offload = guess(packet);
        CHECK_FALSE(offload.partial_checksum);
        CHECK(offload.segmentation == Segmentation::None);
    }
    CHECK_FALSE(guess_offload(test::pattern(100), kMtus).partial_checksum);
    CHECK_FALSE(guess_offload({}, kMtus).partial_checksum);
}

TEST_CASE("capture offload: a pseudo-header's sum is a partial checksum, and is completed") {
    for (const auto& builder :
         {ipv6("2001:db8::1", "64:ff9b::1").udp(1, 2).payload(101),
          ipv6("2001:db8::1", "64:ff9b::1").extension(60).tcp(1, 2).payload(9),
          ipv4("192.0.2.1", "192.0.2.2").udp(1, 2).payload(100),
          ipv4("192.0.2.1", "192.0.2.2")
              .options(test::unhex("01010100"))
              .tcp(1, 2)
              .payload(1)}) {
        auto partial = builder;
        partial.partial_checksum();
        const auto offload = guess(partial);
        CHECK(offload.partial_checksum);
        CHECK(offload.checksum_start == partial.offload().checksum_start);
        CHECK(offload.checksum_offset == partial.offload().checksum_offset);
        CHECK(offload.segmentation == Segmentation::None);
        test::OwnedPacket packet{partial.bytes(), offload};
        finish_checksum(packet.buffer());
        CHECK(test::hex(packet.bytes()) == test::hex(builder.bytes()));
        CHECK_FALSE(packet.buffer().offload.partial_checksum);
    }
}

TEST_CASE("capture offload: larger than the MTU and not complete is a super-packet") {
    const auto tcp6 =
        guess(ipv6("2001:db8::1", "64:ff9b::1").tcp(1, 2).payload(30000).segmented(1400));
    CHECK(tcp6.partial_checksum);
    CHECK(tcp6.segmentation == Segmentation::Tcp);
    CHECK(tcp6.segment_size == 1280 - 48 - 20);
    CHECK_FALSE(tcp6.tcp_cwr);
    const auto tcp4 =
        guess(ipv4("192.0.2.1", "192.0.2.2").tcp(1, 2, 0x90).payload(30000).segmented(1400));
    CHECK(tcp4.segmentation == Segmentation::Tcp);
    CHECK(tcp4.tcp_cwr);
    const auto udp =
        guess(ipv4("192.0.2.1", "192.0.2.2").udp(1, 2).payload(30000).segmented(1200));
    CHECK(udp.segmentation == Segmentation::Udp);
    CHECK(udp.segment_size == 1280 - 48 - 8);
    // Merged by a card that left the checksum of one of the pieces.
    const auto merged =
        guess(ipv4("192.0.2.1", "192.0.2.2").tcp(1, 2).checksum(0xabcd).payload(3000));
    CHECK(merged.segmentation == Segmentation::Tcp);
    CHECK_FALSE(merged.partial_checksum);
}
