// SPDX-License-Identifier: Apache-2.0
// The map against std::map, and the rules of who gets which address.
#include "core/pool/host_map.hpp"
#include "tests/oracle/compared_hosts.hpp"
#include "tests/support/rng.hpp"

#include <array>
#include <map>
#include <stdexcept>

#include <doctest/doctest.h>

namespace nat64::pool {

namespace {

constexpr Tick kNow{36'000};

Prefix4 pool(unsigned length) {
    return {Ipv4Addr{100, 64, 0, 0}, length};
}

Ipv6Addr client(unsigned n, unsigned host = 1) {
    return Ipv6Addr::from_halves(0x2001'0db8'0000'0000 + n, host);
}

std::expected<std::uint32_t, DropReason>
obtain(HostMap& map, const Ipv6Addr& client6, std::uint32_t limit = 0) {
    return map.obtain(map.hash(client6), client6, limit, kNow);
}

std::uint32_t find(const HostMap& map, const Ipv6Addr& client6) {
    return map.find(map.hash(client6), client6);
}

/// Ends what is due as the backend does it.
void expire(HostMap& map, Tick now) {
    std::array<std::uint32_t, 4> due{};
    for (;;) {
        const auto count = map.take_due(now, due);
        for (std::size_t i = 0; i < count; ++i) {
            if (due[i] == HostMap::kNone) continue;
            if (tables::before(now, map[due[i]].busy_until))
                map.keep(due[i]);
            else
                map.release(due[i]);
        }
        if (count < due.size()) return;
    }
}

} // namespace

TEST_CASE("host map: hosts come, stay busy and go, like in std::map") {
    auto rng = test::seeded_rng(1);
    test::Random random{2};
    oracle::ComparedHosts hosts{rng};
    for (int i = 0; i < 50'000; ++i)
        hosts.step(random);
    CHECK(hosts.used() > 230); // now and then it was full
}

TEST_CASE("host map: a client that comes back gets the address it had, after a restart too") {
    auto rng = test::seeded_rng(1);
    HostMap map{pool(16), 128, rng};
    auto other_rng = test::seeded_rng(99);
    HostMap restarted{pool(16), 128, other_rng};
    std::map<std::uint32_t, int> seen;
    int same = 0;
    for (unsigned n = 0; n < 300; ++n) {
        const auto slot = *obtain(map, client(n));
        ++seen[slot];
        map.release(slot);
        CHECK(*obtain(map, client(n)) == slot);
    }
    CHECK(seen.size() == 300);
    for (unsigned n = 300; n-- > 0;)
        same += *obtain(restarted, client(n)) == find(map, client(n)) ? 1 : 0;
    CHECK(same >= 295); // 300 of 65534 places: a collision or two
}

TEST_CASE("host map: network and broadcast address, gateway and outside are nobody's") {
    auto rng = test::seeded_rng(1);
    HostMap map{pool(29), 128, rng};
    map.reserve(Ipv4Addr{100, 64, 0, 1});
    map.reserve(Ipv4Addr{100, 64, 0, 1});
    map.reserve(Ipv4Addr{192, 0, 2, 1});
    CHECK(map.capacity() == 5);
    std::map<std::uint32_t, int> seen;
    for (unsigned n = 0; n < 5; ++n)
        ++seen[map.address(*obtain(map, client(n))).bits() & 7];
    CHECK(seen == std::map<std::uint32_t, int>{{2, 1}, {3, 1}, {4, 1}, {5, 1}, {6, 1}});
    CHECK(obtain(map, client(5)).error() == DropReason::PoolExhausted);
    CHECK(map.find(Ipv4Addr{100, 64, 0, 1}) == HostMap::kNone);
    CHECK(map.find(Ipv4Addr{100, 64, 0, 8}) == HostMap::kNone);
    CHECK(map.find(Ipv4Addr{100, 63, 255, 255}) == HostMap::kNone);
}

TEST_CASE("inner_pool: a /8 to /30") {
    auto rng = test::seeded_rng(1);
    CHECK_THROWS_AS((HostMap{pool(31), 128, rng}), std::length_error);
    CHECK_THROWS_AS((HostMap{Prefix4{Ipv4Addr{}, 7}, 128, rng}), std::length_error);
    CHECK(HostMap{pool(30), 128, rng}.capacity() == 2);
}

TEST_CASE("limits.addresses_per_client: hosts of one prefix, and no others") {
    auto rng = test::seeded_rng(1);
    HostMap map{pool(24), 64, rng};
    const auto first = obtain(map, client(1, 1), 2);
    CHECK(obtain(map, client(1, 2), 2));
    CHECK(obtain(map, client(1, 3), 2).error() == DropReason::ClientAddressLimit);
    CHECK(obtain(map, client(2, 1), 2));
    CHECK(map.clients() == 2);
    map.release(*first);
    CHECK(obtain(map, client(1, 3), 2));
    CHECK(obtain(map, client(1, 4), 0)); // no limit
    CHECK(map.used() == 4);
    CHECK(map.clients() == 2);
}

TEST_CASE("host map: a static host has its address and keeps it") {
    auto rng = test::seeded_rng(1);
    HostMap map{pool(24), 64, rng};
    const Ipv4Addr fixed{100, 64, 0, 77};
    CHECK(map.place(client(1), fixed, Host::kStatic, kNow));
    CHECK(map.place(client(1), fixed, Host::kStatic, kNow)); // once more is harmless
    CHECK(map.used() == 1);
    expire(map, tables::after(kNow, 1'000'000));
    CHECK(find(map, client(1)) == 77);
    CHECK(map.place(client(2), fixed, 0, kNow).error() ==
          "its address belongs to another client");
    CHECK(map.place(client(1), Ipv4Addr{100, 64, 0, 78}, 0, kNow).error() ==
          "its client has another address");
    CHECK(map.place(client(3), Ipv4Addr{192, 0, 2, 1}, 0, kNow).error() ==
          "not an address of the inner pool");
    CHECK(map.place(client(3), Ipv4Addr{100, 64, 0, 255}, 0, kNow).error() ==
          "its address is reserved");
    map.release(77);
    CHECK(map.used() == 0);
    CHECK(map.clients() == 0);
}

TEST_CASE("explain: how many inner addresses a client has, be it a host or a prefix") {
    auto rng = test::seeded_rng(1);
    HostMap of_hosts{pool(24), 128, rng};
    CHECK(of_hosts.addresses_of(client(1)) == 0);
    CHECK(obtain(of_hosts, client(1)));
    CHECK(of_hosts.addresses_of(client(1)) == 1);
    HostMap of_prefixes{pool(24), 64, rng};
    CHECK(of_prefixes.addresses_of(client(1)) == 0);
    CHECK(obtain(of_prefixes, client(1, 1)));
    CHECK(obtain(of_prefixes, client(1, 2)));
    CHECK(of_prefixes.addresses_of(client(1, 3)) == 2);
}

TEST_CASE("host map: a static host that is one no more ends with its time") {
    auto rng = test::seeded_rng(1);
    HostMap map{pool(24), 128, rng};
    const auto slot = map.place(client(1), Ipv4Addr{100, 64, 0, 77}, Host::kStatic, kNow);
    REQUIRE(slot);
    map.make_dynamic(*slot, tables::after(kNow, 100));
    CHECK(!map[*slot].has(Host::kStatic));
    expire(map, tables::after(kNow, 99));
    CHECK(find(map, client(1)) == 77);
    expire(map, tables::after(kNow, 100));
    CHECK(find(map, client(1)) == HostMap::kNone);
    CHECK(map.used() == 0);
}

TEST_CASE("host map: an address that is reserved is nobody's, whoever asks for it") {
    auto rng = test::seeded_rng(1);
    HostMap map{pool(24), 128, rng};
    const Ipv4Addr gateway{100, 64, 0, 77};
    map.reserve(gateway);
    CHECK(map.place(client(1), gateway, 0, kNow).error() == "its address is reserved");
    CHECK(map.place(client(1), gateway, Host::kStatic, kNow).error() ==
          "its address is reserved");
    CHECK(map.used() == 0);
}

TEST_CASE("host map: an address with flows of an earlier run is held for its likely owner") {
    auto rng = test::seeded_rng(1);
    const auto home = [&] {
        HostMap before{pool(29), 128, rng};
        return before.address(*obtain(before, client(1)));
    }();
    HostMap map{pool(29), 128, rng};
    map.hold(home, tables::after(kNow, 600));
    CHECK(map.held() == 1);
    unsigned others = 0;
    for (unsigned n = 2; n < 40; ++n) {
        const auto slot = obtain(map, client(n));
        if (slot && map.address(*slot) == home) continue; // it could be this one's as well
        others += slot ? 1U : 0U;
    }
    CHECK(others == 5);

    HostMap again{pool(29), 128, rng};
    again.hold(home, tables::after(kNow, 600));
    CHECK(again.address(*obtain(again, client(1))) == home);
    CHECK(again.held() == 0);

    HostMap later{pool(29), 128, rng};
    later.hold(home, tables::after(kNow, 600));
    expire(later, tables::after(kNow, 599));
    CHECK(later.held() == 1);
    expire(later, tables::after(kNow, 600));
    CHECK(later.held() == 0);
    for (unsigned n = 2; n < 8; ++n)
        CHECK(obtain(later, client(n)));
}

TEST_CASE("host map: a hold lasts as long as it says, however long the machine is up") {
    for (const std::uint32_t up : {36'000U, 10'000'000U, 2'200'000'000U, 4'100'000'000U}) {
        for (const std::uint32_t length : {600U, 5'000'000U}) {
            CAPTURE(up);
            CAPTURE(length);
            const Tick now{up};
            auto rng = test::seeded_rng(1);
            HostMap map{pool(29), 128, rng};
            const Ipv4Addr inner4{100, 64, 0, 3};
            map.hold(inner4, tables::after(now, length));
            for (std::uint32_t gone = 0; gone < length; gone += length / 50)
                expire(map, tables::after(now, gone));
            CHECK(map.is_held(inner4));
            CHECK(map.held() == 1);
            expire(map, tables::after(now, length));
            CHECK_FALSE(map.is_held(inner4));
            CHECK(map.held() == 0);
        }
    }
}

TEST_CASE("host map: a hold is extended, and whoever comes meanwhile has its time") {
    auto rng = test::seeded_rng(1);
    const auto home = [&] {
        HostMap before{pool(29), 128, rng};
        return before.address(*obtain(before, client(1)));
    }();
    HostMap map{pool(29), 128, rng};
    map.extend_hold(home, tables::after(kNow, 600)); // it is not held
    CHECK(map.held() == 0);
    map.hold(home, tables::after(kNow, 600));
    map.extend_hold(home, tables::after(kNow, 900));
    map.extend_hold(home, tables::after(kNow, 700)); // never shorter
    expire(map, tables::after(kNow, 899));
    CHECK(map.is_held(home));
    const auto slot = obtain(map, client(1));
    REQUIRE(slot);
    CHECK(map.address(*slot) == home);
    CHECK(map[*slot].busy_until == tables::after(kNow, 900));

    HostMap late{pool(29), 128, rng};
    late.hold(home, tables::after(kNow, 600));
    const auto now = tables::after(kNow, 700); // and nobody has looked since
    const auto again = late.obtain(late.hash(client(1)), client(1), 0, now);
    REQUIRE(again);
    CHECK(late[*again].busy_until == now);
}

TEST_CASE("host map: who does not know the machine cannot look for another's place") {
    auto rng = test::seeded_rng(1);
    HostMap one{pool(16), 128, rng, {1, 2}};
    HostMap restarted{pool(16), 128, rng, {1, 2}};
    HostMap other{pool(16), 128, rng, {1, 3}};
    int same = 0;
    int alike = 0;
    for (unsigned n = 0; n < 300; ++n) {
        const auto place = *obtain(one, client(n));
        same += *obtain(restarted, client(n)) == place ? 1 : 0;
        alike += *obtain(other, client(n)) == place ? 1 : 0;
    }
    CHECK(same == 300);
    CHECK(alike <= 3);
}

TEST_CASE("host map: a slot that changes hands has another generation") {
    auto rng = test::seeded_rng(1);
    HostMap map{pool(30), 128, rng};
    const auto slot = *obtain(map, client(1));
    const auto before = map[slot].generation;
    map.release(slot);
    CHECK(map[slot].generation != before);
    const auto between = map[slot].generation;
    CHECK(*obtain(map, client(1)) == slot);
    CHECK(map[slot].generation != between);
}

} // namespace nat64::pool
