// SPDX-License-Identifier: Apache-2.0
// The table of fragmented packets by itself: what happens when there is no room. What fragments
// are translated to is translator_test's.
#include "core/rfc6146/fragments.hpp"
#include "tests/support/packet_builder.hpp"
#include "tests/support/rng.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <variant>

#include <doctest/doctest.h>

namespace nat64::rfc6146 {

namespace {

using test::AnyAddress;
using test::OwnedPacket;

constexpr Clock::time_point kNow{std::chrono::hours{1}};

constexpr auto kSource = "2001:db8::1";
constexpr auto kNeighbour = "2001:db8::2"; // of the same /64
constexpr auto kOther = "2001:db8:0:1::1";

/// One of many sources.
AnyAddress network(std::uint32_t number) {
    return Ipv6Addr::from_halves(0x2001'0db8'0000'0000 + number, 1);
}

class Table {
public:
    explicit Table(std::size_t buffers, std::size_t contexts = 16)
        : table_{{contexts, buffers, Mtu{1500}}, rng_} {}

    FragmentTable& operator*() { return table_; }

    FragmentTable::Context&
    context(std::uint32_t id, const AnyAddress& source = kSource, Clock::duration later = {}) {
        auto owned = piece(id, 0, source);
        return table_.find_or_create(fragment_key(*parse_packet(owned.bytes())), kNow + later);
    }

    /// The n-th piece of 64 bytes of packet `id`.
    std::expected<void, DropReason> hold(std::uint32_t id,
                                         std::size_t n,
                                         const AnyAddress& source = kSource,
                                         Clock::duration later = {}) {
        auto owned = piece(id, n, source);
        return table_.hold(
            context(id, source, later), owned.buffer(), *parse_packet(owned.bytes()));
    }

    std::expected<void, DropReason>
    hold_bytes(std::uint32_t id, std::size_t offset, std::size_t size, std::size_t of = 4008) {
        auto owned = test::ipv6(kSource, "64:ff9b::192.0.2.1")
                         .udp(4000, 53)
                         .payload(of - 8)
                         .piece(offset, size, id)
                         .packet();
        return table_.hold(context(id), owned.buffer(), *parse_packet(owned.bytes()));
    }

    /// All pieces of packet `id` came in one that is none, and went on.
    void pass_whole(std::uint32_t id) {
        const auto owned =
            test::ipv6(kSource, "64:ff9b::192.0.2.1").udp(1, 2).fragment(0, false, id).packet();
        table_.passed(context(id), *parse_packet(owned.bytes()));
    }

private:
    static OwnedPacket piece(std::uint32_t id, std::size_t n, const AnyAddress& source) {
        return test::ipv6(source, "64:ff9b::192.0.2.1")
            .udp(4000, 53)
            .payload(5000)
            .piece(64 * n, 64, id)
            .packet();
    }

    Rng rng_ = test::seeded_rng(1);
    FragmentTable table_;
};

} // namespace

TEST_CASE("fragments: a packet does not make way for its own next piece") {
    Table table{2};
    (void)table.context(1); // older, and holds nothing
    REQUIRE(table.hold(2, 0));
    REQUIRE(table.hold(2, 1));
    CHECK(table.hold(2, 2).error() == DropReason::FragmentLimit);
    CHECK((*table).take_evicted() == 0);
    // Nothing has leaked: both buffers come back with their packet.
    CHECK((*table).discard(table.context(2)) == 2);
    CHECK(table.hold(3, 0));
    CHECK(table.hold(3, 1));
}

TEST_CASE("fragments: when there is no room the oldest packet makes way for another one's") {
    Table table{2};
    REQUIRE(table.hold(1, 0));
    REQUIRE(table.hold(2, 0));
    CHECK(table.hold(3, 0));
    CHECK((*table).take_evicted() == 1);
    CHECK((*table).discard(table.context(2)) == 1);
    CHECK((*table).discard(table.context(3)) == 1);
}

TEST_CASE("fragments: beyond its quarter of the packets a source's own oldest makes way") {
    Table table{256, 64};
    REQUIRE(table.hold(1, 0, kOther));
    for (std::uint32_t id = 1; id <= 1000; ++id)
        REQUIRE(table.hold(id, 0, id % 2 == 0 ? kSource : kNeighbour));
    CHECK((*table).take_evicted() == 1000 - 16);
    CHECK((*table).discard(table.context(1, kOther)) == 1);
    CHECK((*table).discard(table.context(1000)) == 1);
    CHECK((*table).discard(table.context(985, kNeighbour)) == 1);
}

TEST_CASE("fragments: beyond its quarter of the pieces a source's own oldest makes way") {
    Table table{512, 64};
    REQUIRE(table.hold(1, 0, kOther));
    for (std::uint32_t id = 1; id <= 8; ++id)
        for (std::size_t n = 0; n < 40; ++n)
            REQUIRE(table.hold(id, n));
    CHECK((*table).take_evicted() == 200);
    for (std::uint32_t id = 1; id <= 8; ++id)
        CHECK((*table).discard(table.context(id)) == (id <= 5 ? 0 : 40));
    CHECK((*table).discard(table.context(1, kOther)) == 1);
}

TEST_CASE("fragments: a source takes no place from another one where it has its own") {
    Table table{1024, 1024};
    for (std::uint32_t id = 1; id <= 100; ++id)
        REQUIRE(table.hold(id, 0, kOther));
    for (std::uint32_t id = 1; id <= 10'000; ++id)
        REQUIRE(table.hold(id, 0));
    unsigned left = 0;
    for (std::uint32_t id = 1; id <= 100; ++id)
        left += (*table).discard(table.context(id, kOther));
    CHECK(left == 100);
}

TEST_CASE("RFC 791 §2.3, RFC 8200 §4.5: what tells fragmented packets apart") {
    const auto key = [](const test::PacketBuilder& packet) {
        const auto bytes = packet.bytes();
        return fragment_key(*parse_packet(bytes));
    };
    const auto six = [&](const char* source, const char* destination, std::uint32_t id) {
        return key(test::ipv6(source, destination).udp(1, 2).payload(64).piece(0, 32, id));
    };
    CHECK(six("2001:db8::1", "64:ff9b::1", 7) == six("2001:db8::1", "64:ff9b::1", 7));
    CHECK(six("2001:db8::1", "64:ff9b::1", 7) != six("2001:db8::2", "64:ff9b::1", 7));
    CHECK(six("2001:db8::1", "64:ff9b::1", 7) != six("2001:db8::1", "64:ff9b::2", 7));
    CHECK(six("2001:db8::1", "64:ff9b::1", 7) != six("2001:db8::1", "64:ff9b::1", 0x10007));
    const auto four = [&](const char* source, const char* destination, std::uint32_t id) {
        return key(test::ipv4(source, destination).udp(1, 2).payload(64).piece(0, 32, id));
    };
    CHECK(four("192.0.2.1", "198.51.100.7", 7) == four("192.0.2.1", "198.51.100.7", 7));
    CHECK(four("192.0.2.1", "198.51.100.7", 7) != four("192.0.2.2", "198.51.100.7", 7));
    CHECK(four("192.0.2.1", "198.51.100.7", 7) != four("192.0.2.1", "198.51.101.7", 7));
    CHECK(four("192.0.2.1", "198.51.100.7", 7) != four("192.0.2.1", "198.51.100.7", 8));
}

TEST_CASE("fragments: what holds no piece has none to give, and does not make way") {
    bool one_source = false;
    SUBCASE("all buffers are used") {}
    SUBCASE("the source has used its quarter") {
        one_source = true;
    }
    Table table{one_source ? 256U : 64U, 64};
    const auto source = [=](std::uint32_t id) {
        return one_source ? AnyAddress{kSource} : network(id);
    };
    table.context(1, source(1)).decision = Refused{};
    for (std::size_t n = 0; n < 32; ++n) {
        REQUIRE(table.hold(2, n, source(2)));
        REQUIRE(table.hold(3, n, source(3)));
    }
    CHECK(table.hold(4, 0, source(4)));
    CHECK((*table).take_evicted() == 32);
    CHECK(std::holds_alternative<Refused>(table.context(1, source(1)).decision));
    CHECK((*table).discard(table.context(3, source(3))) == 32);
}

TEST_CASE("fragments: who makes way is looked for among the eight oldest, no further") {
    bool one_source = false;
    SUBCASE("all buffers are used") {}
    SUBCASE("the source has used its quarter") {
        one_source = true;
    }
    Table table{one_source ? 256U : 64U, 64};
    const auto source = [=](std::uint32_t id) {
        return one_source ? AnyAddress{kSource} : network(id);
    };
    for (std::uint32_t id = 1; id <= 8; ++id)
        table.context(id, source(id)).decision = Refused{};
    for (std::size_t n = 0; n < 64; ++n)
        REQUIRE(table.hold(9, n, source(9)));
    CHECK(table.hold(10, 0, source(10)).error() == DropReason::FragmentLimit);
    CHECK((*table).take_evicted() == 0);
}

TEST_CASE("fragments: a duplicate of a packet that was complete is held and counted for none") {
    Table table{256, 64};
    table.pass_whole(1);
    for (std::size_t n = 0; n < 64; ++n)
        REQUIRE(table.hold(1, n));
    for (std::size_t n = 0; n < 64; ++n)
        REQUIRE(table.hold(2, n));
    CHECK((*table).take_evicted() == 0);
    CHECK((*table).drop_pieces(table.context(1)) == 64);
    CHECK((*table).discard(table.context(1)) == 0);
    CHECK((*table).discard(table.context(2)) == 64);
}

TEST_CASE("fragments: beyond its quarter no younger packet of a source makes way") {
    Table table{1024, 64};
    REQUIRE(table.hold(1, 0));
    for (std::uint32_t id = 2; id <= 6; ++id)
        for (std::size_t n = 0; n < 51; ++n)
            REQUIRE(table.hold(id, n));
    CHECK(table.hold(1, 1).error() == DropReason::FragmentLimit);
    CHECK((*table).take_evicted() == 0);
}

TEST_CASE("fragments: a piece that is too large to grow where it is held is not held") {
    Table table{16};
    CHECK(table.hold_bytes(1, 0, 1500 - 48));
    CHECK(table.hold_bytes(2, 0, 1600 - 48).error() == DropReason::FragmentLimit);
}

TEST_CASE("fragments: a packet holds kMaxPieces and no more") {
    Table table{1024};
    for (std::size_t n = 0; n < FragmentTable::kMaxPieces; ++n)
        REQUIRE(table.hold_bytes(1, 8 * n, 8));
    CHECK(table.hold_bytes(1, 8 * FragmentTable::kMaxPieces, 8).error() ==
          DropReason::FragmentLimit);
}

TEST_CASE("fragments: as many bytes as the whole has, but with a gap, are not the whole") {
    Table table{16};
    REQUIRE(table.hold_bytes(1, 0, 8));
    REQUIRE(table.hold_bytes(1, 16, 8, 24)); // the last one
    REQUIRE(table.hold_bytes(1, 64, 8));
    CHECK_FALSE((*table).complete(table.context(1)));
    REQUIRE(table.hold_bytes(2, 0, 8));
    REQUIRE(table.hold_bytes(2, 16, 8, 24));
    CHECK_FALSE((*table).complete(table.context(2)));
    REQUIRE(table.hold_bytes(2, 8, 8));
    CHECK((*table).complete(table.context(2)));
}

TEST_CASE("RFC 5722 §4: only what has the same place and length is a duplicate") {
    Table table{16};
    REQUIRE(table.hold_bytes(1, 64, 64));
    CHECK(table.hold_bytes(1, 64, 64).error() == DropReason::FragmentDuplicate);
    for (const std::size_t offset : {8U, 56U, 64U, 72U, 120U})
        for (const std::size_t size : {56U, 64U, 128U}) {
            CAPTURE(offset);
            CAPTURE(size);
            if ((offset == 64 && size == 64) || offset + size <= 64) continue;
            CHECK(table.hold_bytes(1, offset, size).error() == DropReason::FragmentOverlap);
        }
    CHECK(table.hold_bytes(1, 8, 56));
    CHECK(table.hold_bytes(1, 128, 8));
    CHECK((*table).drop_pieces(table.context(1)) == 3);
}

TEST_CASE("fragments: packets that are complete make way before one that waits") {
    Table table{1024, 1024};
    for (std::uint32_t id = 1; id <= 100; ++id)
        REQUIRE(table.hold(id, 0, kOther));
    for (std::uint32_t id = 1; id <= 10'000; ++id)
        table.pass_whole(id);
    CHECK((*table).take_evicted() == 0);
    unsigned left = 0;
    for (std::uint32_t id = 1; id <= 100; ++id)
        left += (*table).discard(table.context(id, kOther));
    CHECK(left == 100);
}

TEST_CASE("fragments: of many that wait the oldest makes way, and is counted") {
    Table table{4096, 1024};
    for (std::uint32_t id = 1; id <= 5000; ++id)
        REQUIRE(table.hold(id, 0, network(id), std::chrono::milliseconds{id}));
    const auto evicted = (*table).take_evicted();
    for (std::uint32_t id = 5000 - 255; id <= 5000; ++id)
        CHECK((*table).discard(table.context(id, network(id))) == 1);
    unsigned left = 256;
    while (const auto held = (*table).expire_one(kNow + std::chrono::hours{1}, {}))
        left += *held;
    CHECK(evicted + left == 5000);
}

TEST_CASE("fragments: a packet is complete when its last piece and all bytes have passed") {
    Table table{64, 64};
    auto& context = table.context(1);
    const auto pass = [&](std::size_t n) {
        const auto owned = test::ipv6(kSource, "64:ff9b::192.0.2.1")
                               .udp(4000, 53)
                               .payload(120)
                               .piece(64 * n, 64, 1)
                               .packet();
        (*table).passed(context, *parse_packet(owned.bytes()));
        return context.complete;
    };
    SUBCASE("in order") {
        CHECK_FALSE(pass(0));
        CHECK(pass(1));
    }
    SUBCASE("the last one first") {
        CHECK_FALSE(pass(1));
        CHECK(pass(0));
    }
}

TEST_CASE("fragments: packets that are complete do not count for their source") {
    Table table{64, 64};
    auto last =
        test::ipv6(kSource, "64:ff9b::192.0.2.1").udp(1, 2).payload(100).fragment(0, false, 1);
    for (std::uint32_t id = 100; id < 1100; ++id) {
        auto& context = table.context(id);
        (*table).passed(context, *parse_packet(last.bytes()));
        REQUIRE(context.complete);
    }
    REQUIRE(table.hold(1, 0));
    CHECK((*table).take_evicted() == 0);
    CHECK((*table).discard(table.context(1)) == 1);
}

} // namespace nat64::rfc6146
