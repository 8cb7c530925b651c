// SPDX-License-Identifier: Apache-2.0
// RouteHelper and the kernel, in a network namespace of the test's own.
#include "platform/forwarding_sysctls.hpp"
#include "platform/host_ops.hpp"
#include "platform/route_helper.hpp"
#include "tests/support/private_network.hpp"

#include <cerrno>
#include <csignal>
#include <string>
#include <system_error>

#include <doctest/doctest.h>

#include <sys/types.h>

namespace nat64::platform {

namespace {

using test::in_private_network;
using test::output_of;

constexpr auto kTwoLinks = "ip link add one type veth peer two && ip link set one up && "
                           "ip link set two up";

int error_of(const RouteHelper& helper, RouteAction action, const Route& route) {
    try {
        helper.change(action, route);
        return 0;
    } catch (const std::system_error& error) {
        return error.code().value();
    }
}

} // namespace

TEST_CASE("RouteHelper: routes of both families come and go") {
    const auto text = in_private_network([] {
        auto said = output_of(kTwoLinks);
        LinuxHost host;
        const auto link = host.find_link("one").value();
        const RouteHelper helper;
        const Route four{Prefix4{Ipv4Addr{192, 0, 2, 16}, 28}, link};
        const Route six{Prefix6{Ipv6Addr::parse("2001:db8:64::").value(), 96}, link};
        helper.change(RouteAction::Add, four);
        helper.change(RouteAction::Add, six);
        said += output_of("ip route show proto 64; ip -6 route show proto 64");
        helper.change(RouteAction::Delete, four);
        helper.change(RouteAction::Delete, six);
        return said + "then:" + output_of("ip route show proto 64; ip -6 route show proto 64");
    });
    if (!text) return;
    CHECK(*text == "192.0.2.16/28 dev one scope link \n"
                   "2001:db8:64::/96 dev one metric 1024 pref medium\n"
                   "then:");
}

TEST_CASE("RouteHelper: one interface only, and the kernel's refusals come back") {
    const auto text = in_private_network([] {
        auto said = output_of(kTwoLinks);
        LinuxHost host;
        const RouteHelper helper;
        const Prefix4 pool{Ipv4Addr{192, 0, 2, 16}, 28};
        const Route ours{pool, host.find_link("one").value()};
        const Route others{pool, host.find_link("two").value()};
        said += std::to_string(error_of(helper, RouteAction::Delete, ours) == ESRCH);
        said += std::to_string(error_of(helper, RouteAction::Add, ours) == 0);
        said += std::to_string(error_of(helper, RouteAction::Add, ours) == EEXIST);
        said += std::to_string(error_of(helper, RouteAction::Add, others) == EPERM);
        return said;
    });
    if (text) CHECK(*text == "1111");
}

TEST_CASE("RouteHelper: it sets the sysctls of forwarding, and no others") {
    const auto text = in_private_network([] {
        LinuxHost host;
        const RouteHelper helper;
        helper.set_sysctl(kForwardIpv4, "1");
        auto said = host.sysctl(kForwardIpv4).value_or("?");
        for (const auto& name :
             {std::string{"net.ipv4.ip_default_ttl"}, std::string(65, 'x')}) {
            try {
                helper.set_sysctl(name, "1");
                said += "!";
            } catch (const std::system_error&) {
                said += ".";
            }
        }
        return said;
    });
    if (text) CHECK(*text == "1..");
}

TEST_CASE("RouteHelper: a child that was killed is an error, not a wait") {
    const RouteHelper helper;
    REQUIRE(::kill(helper.pid(), SIGKILL) == 0);
    const Route route{Prefix4{Ipv4Addr{192, 0, 2, 16}, 28}, LinkIndex{1}};
    CHECK(error_of(helper, RouteAction::Add, route) == ECHILD);
}

} // namespace nat64::platform
