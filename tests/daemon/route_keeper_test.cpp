// SPDX-License-Identifier: Apache-2.0
// RouteKeeper with a kernel of the test's own: a set of routes that can be refused. The real
// one is stress/scenarios/lost_routes.py.
#include "daemon/route_keeper.hpp"
#include "platform/os_error.hpp"
#include "tests/support/private_network.hpp"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <exception>
#include <functional>
#include <string>
#include <system_error>
#include <variant>
#include <vector>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
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

/// A keeper whose monitor loses what the kernel says whenever `losing`; the link is real.
struct Lossy {
    boost::asio::io_context control;
    platform::MachineMonitor machine{control};
    int refusal = 0; ///< of every route: errno
    bool losing = true;
    int added = 0;
    std::string said;
    std::function<void()> refused;
    RouteKeeper keeper{control,
                       machine,
                       {"nat64", platform::LinkIndex{777}},
                       {kPool},
                       [this](RouteAction, const platform::Route&) { add(); }};

    Lossy() {
        machine.subscribe([this](const platform::MachineChange& change) {
            if (losing && !std::holds_alternative<platform::ChangesLost>(change))
                throw platform::OsError{EINTR, "list"};
        });
    }

    void add() {
        if (refusal == 0) {
            ++added;
            return control.stop();
        }
        const std::system_error error{refusal, std::generic_category()};
        if (refused) refused();
        throw error;
    }

    std::string run(const std::string& command) {
        boost::asio::co_spawn(control, machine.watch(), boost::asio::detached);
        boost::asio::co_spawn(control, keeper.keep(), [this](const std::exception_ptr& end) {
            try {
                if (end) std::rethrow_exception(end);
            } catch (const std::exception& error) {
                said += error.what();
            }
            control.stop();
        });
        said += test::output_of(command);
        control.run_for(std::chrono::seconds{20});
        return said + " added " + std::to_string(added);
    }
};

constexpr auto kMakeLink = "ip link add nat64 index 777 type veth peer name two && "
                           "ip link set two up && ip link set nat64 up";

} // namespace

TEST_CASE(
    "RouteKeeper: word of the link was lost: a route tells that it is down, up is heard") {
    const auto said = test::in_private_network([] {
        auto made = test::output_of(kMakeLink);
        Lossy lossy;
        lossy.refusal = ENETDOWN;
        lossy.refused = [&] {
            lossy.losing = false;
            lossy.refusal = 0;
            made += test::output_of("ip link set nat64 mtu 1400"); // says as well that it is up
        };
        return made + lossy.run("ip addr add 192.0.2.1/32 dev lo");
    });
    if (said) CHECK(*said == " added 1");
}

TEST_CASE("RouteKeeper: down by its last word, and word was lost: a route is tried") {
    const auto said = test::in_private_network([] {
        auto made = test::output_of(std::string{kMakeLink} + " && ip link set nat64 down");
        Lossy lossy;
        return made + lossy.run("ip link set nat64 mtu 1400"); // says that it is down
    });
    if (said) CHECK(*said == " added 1");
}

TEST_CASE("RouteKeeper: word was lost that the link is gone: that ends it as well") {
    const auto said = test::in_private_network([] {
        Lossy lossy;
        lossy.refusal = ENODEV;
        return lossy.run("ip addr add 192.0.2.1/32 dev lo");
    });
    if (said) CHECK(said->find("Somebody deleted it") != std::string::npos);
}

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
