// SPDX-License-Identifier: Apache-2.0
// RouteKeeper with a kernel of the test's own: a set of routes that can be refused. The real
// one is stress/scenarios/lost_routes.py.
#include "daemon/route_keeper.hpp"

#include <algorithm>
#include <cerrno>
#include <string>
#include <system_error>
#include <vector>

#include <doctest/doctest.h>

namespace nat64::daemon {

namespace {

using platform::IpPrefix;
using platform::RouteAction;

const IpPrefix kPrefix = Prefix6{Ipv6Addr::parse("64:ff9b::").value(), 96};
const IpPrefix kPool = Prefix4{Ipv4Addr{192, 0, 2, 0}, 28};
const IpPrefix kOther = Prefix4{Ipv4Addr{198, 51, 100, 0}, 24};
const IpPrefix kThird = Prefix4{Ipv4Addr{203, 0, 113, 0}, 24};

struct Fixture {
    boost::asio::io_context control;
    platform::MachineMonitor machine{control};
    std::vector<IpPrefix> table{kPrefix, kPool};
    std::vector<IpPrefix> refused;
    RouteKeeper keeper{
        control,
        machine,
        {"nat64", platform::LinkIndex{7}},
        table,
        [this](RouteAction action, const platform::Route& route) { change(action, route); }};

    void change(RouteAction action, const platform::Route& route) {
        CHECK(route.link == platform::LinkIndex{7});
        if (std::ranges::find(refused, route.destination) != refused.end())
            throw std::system_error{EPERM, std::generic_category()};
        if (action == RouteAction::Add)
            table.push_back(route.destination);
        else
            std::erase(table, route.destination);
    }
};

} // namespace

TEST_CASE("RouteKeeper: a reload adds what is new and deletes what is left out") {
    Fixture f;
    f.keeper.replace({kPrefix, kOther});
    CHECK(f.table == std::vector{kPrefix, kOther});
    f.keeper.replace({kPrefix});
    CHECK(f.table == std::vector{kPrefix});
}

TEST_CASE("RouteKeeper: one route refused, none changed") {
    Fixture f;
    f.refused = {kThird};
    CHECK_THROWS_AS(f.keeper.replace({kPrefix, kOther, kThird}), std::system_error);
    CHECK(f.table == std::vector{kPrefix, kPool});
    f.keeper.replace({kPrefix, kPool}); // and it knows
    CHECK(f.table == std::vector{kPrefix, kPool});
}

} // namespace nat64::daemon
