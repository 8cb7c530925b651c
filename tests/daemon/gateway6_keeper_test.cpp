// SPDX-License-Identifier: Apache-2.0
// Gateway6Keeper and the kernel, in a network namespace of the test's own.
#include "daemon/gateway6_keeper.hpp"
#include "tests/support/private_network.hpp"

#include <chrono>
#include <optional>
#include <string>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <doctest/doctest.h>

namespace nat64::daemon {

TEST_CASE("gateway6: chosen again when it goes or is deprecated, and kept while it is good") {
    const auto said = test::in_private_network([] {
        auto text = test::output_of("ip link add one type veth peer two && "
                                    "ip addr add 2001:db8:1::1/64 dev one nodad && "
                                    "ip addr add 2001:db8:2::1/64 dev one nodad");
        boost::asio::io_context control;
        platform::LinuxHost host;
        platform::MachineMonitor monitor{control};
        Gateway6Keeper keeper{Ipv6Addr::parse("2001:db8:1::1"), host, monitor};
        keeper.start([&](std::optional<Ipv6Addr> another) {
            text += another ? another->to_string() + ' ' : "none ";
            control.stop();
        });
        boost::asio::co_spawn(control, monitor.watch(), boost::asio::detached);
        const auto after = [&](const std::string& command, std::chrono::milliseconds wait) {
            text += test::output_of(command);
            control.restart();
            control.run_for(wait);
        };
        constexpr std::chrono::seconds kLong{20};
        after("ip addr del 2001:db8:1::1/64 dev one", kLong);
        after("ip addr change 2001:db8:2::1/64 dev one valid_lft 600 preferred_lft 0", kLong);
        after("ip addr add 2001:db8:3::1/64 dev one nodad", kLong);
        after("ip addr add 2001:db8:4::1/64 dev one nodad", std::chrono::milliseconds{200});
        after("ip addr del 2001:db8:3::1/64 dev one", kLong);
        return text;
    });
    if (said) CHECK(*said == "2001:db8:2::1 none 2001:db8:3::1 2001:db8:4::1 ");
}

} // namespace nat64::daemon
