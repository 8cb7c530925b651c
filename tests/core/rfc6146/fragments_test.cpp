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

class Table {
public:
    explicit Table(std::size_t buffers) : table_{{16, buffers, Mtu{1500}}, rng_} {}

    FragmentTable& operator*() { return table_; }

    FragmentTable::Context& context(std::uint32_t id) {
        auto owned = piece(id, 0);
        return table_.find_or_create(fragment_key(*parse_packet(owned.bytes())), kNow);
    }

    /// The n-th piece of 64 bytes of packet `id`.
    std::expected<void, DropReason> hold(std::uint32_t id, std::size_t n) {
        auto owned = piece(id, n);
        return table_.hold(context(id), owned.buffer(), *parse_packet(owned.bytes()));
    }

private:
    static OwnedPacket piece(std::uint32_t id, std::size_t n) {
        return test::ipv6("2001:db8::1", "64:ff9b::192.0.2.1")
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

} // namespace nat64::rfc6146
