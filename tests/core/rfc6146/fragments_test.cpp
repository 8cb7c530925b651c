// SPDX-License-Identifier: Apache-2.0
// The table of fragmented packets by itself: what happens when there is no room. What fragments
// are translated to is translator_test's.
#include "core/rfc6146/fragments.hpp"
#include "tests/support/packet_builder.hpp"
#include "tests/support/rng.hpp"

#include <doctest/doctest.h>

namespace nat64::rfc6146 {

namespace {

using test::OwnedPacket;

constexpr Clock::time_point kNow{std::chrono::hours{1}};

constexpr auto kSource = "2001:db8::1";
constexpr auto kNeighbour = "2001:db8::2"; // of the same /64
constexpr auto kOther = "2001:db8:0:1::1";

class Table {
public:
    explicit Table(std::size_t buffers, std::size_t contexts = 16)
        : table_{{contexts, buffers, Mtu{1500}}, rng_} {}

    FragmentTable& operator*() { return table_; }

    FragmentTable::Context& context(std::uint32_t id, const char* source = kSource) {
        auto owned = piece(id, 0, source);
        return table_.find_or_create(fragment_key(*parse_packet(owned.bytes())), kNow);
    }

    /// The n-th piece of 64 bytes of packet `id`.
    std::expected<void, DropReason>
    hold(std::uint32_t id, std::size_t n, const char* source = kSource) {
        auto owned = piece(id, n, source);
        return table_.hold(context(id, source), owned.buffer(), *parse_packet(owned.bytes()));
    }

private:
    static OwnedPacket piece(std::uint32_t id, std::size_t n, const char* source) {
        return test::ipv6(source, "64:ff9b::192.0.2.1")
            .udp(4000, 53)
            .payload(4000)
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
