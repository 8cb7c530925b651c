// SPDX-License-Identifier: Apache-2.0
// MachineMonitor and the kernel, in a network namespace of the test's own.
#include "platform/host_ops.hpp"
#include "platform/machine_monitor.hpp"
#include "platform/os_error.hpp"
#include "tests/support/private_network.hpp"

#include <cerrno>
#include <chrono>
#include <functional>
#include <string>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <doctest/doctest.h>

namespace nat64::platform {

namespace {

using test::in_private_network;
using test::output_of;

struct Text {
    std::string operator()(const LinkChange& change) const {
        const auto* const state = change.row.up ? "up " : "down ";
        return "link " + sign(change.happened) + state + change.row.name;
    }

    std::string operator()(const AddressChange& change) const {
        return "address " + sign(change.happened) +
               std::visit([](const auto& a) { return a.to_string(); }, change.row.address);
    }

    std::string operator()(const RouteChange& change) const {
        return "route " + sign(change.happened) + platform::to_string(change.row.destination);
    }

    std::string operator()(const ChangesLost& /*change*/) const { return "lost"; }

    static std::string sign(Happened happened) {
        return happened == Happened::Came ? "+ " : "- ";
    }
};

/// What the monitor hears of `commands` until it hears `last`.
std::string heard(const std::string& commands, const std::string& last) {
    boost::asio::io_context control;
    MachineMonitor monitor{control};
    std::string text;
    monitor.subscribe([&](const MachineChange& change) {
        const auto line = std::visit(Text{}, change);
        text += line + "\n";
        if (line == last) control.stop();
    });
    boost::asio::co_spawn(control, monitor.watch(), boost::asio::detached);
    text += output_of(commands);
    control.run_for(std::chrono::seconds{20});
    return text;
}

bool has_line(const std::string& text, const std::string& line) {
    return ("\n" + text).find("\n" + line + "\n") != std::string::npos;
}

} // namespace

TEST_CASE("MachineMonitor: addresses, routes and links that come and go") {
    const auto text = in_private_network([] {
        return heard("ip link add one type veth peer two && ip link set two up && "
                     "ip link set one up && "
                     "ip addr add 192.0.2.1/24 dev one && "
                     "ip route add 198.51.100.0/24 dev one && "
                     "ip -6 route add 2001:db8:7::/48 dev one && "
                     "ip route del 198.51.100.0/24 && ip addr del 192.0.2.1/24 dev one && "
                     "ip link set one down && ip link set one name three && "
                     "ip link del three",
                     "link - down three");
    });
    if (!text) return;
    for (const auto* line : {"link + up one",
                             "address + 192.0.2.1",
                             "route + 198.51.100.0/24",
                             "route + 2001:db8:7::/48",
                             "route - 198.51.100.0/24",
                             "address - 192.0.2.1",
                             "link + down one",
                             "link + down three",
                             "link - down three"}) {
        CAPTURE(*text);
        CHECK_MESSAGE(has_line(*text, line), line);
    }
}

TEST_CASE("MachineMonitor: a burst that is too much is said when what follows is heard again") {
    // While any of the burst waits the kernel loses what follows, and does not say so.
    const auto text = in_private_network([] {
        boost::asio::io_context control;
        MachineMonitor monitor{control};
        std::string heard;
        monitor.subscribe([&](const MachineChange& change) {
            const auto line = std::visit(Text{}, change);
            if (line == "lost")
                heard += line + "\n" + output_of("ip addr add 192.0.2.1 dev lo");
            if (line != "address + 192.0.2.1") return;
            heard += line + "\n";
            control.stop();
        });
        boost::asio::co_spawn(control, monitor.watch(), boost::asio::detached);
        // Ten thousand announcements of about 500 bytes do not fit into the socket's queue.
        heard += output_of("ip link add one type veth peer two && ip link set one up && "
                           "for i in $(seq 0 39); do for j in $(seq 0 249); do "
                           "echo route add 198.18.$i.$j/32 dev one; done; done | ip -batch -");
        control.run_for(std::chrono::seconds{20});
        return heard;
    });
    if (!text) return;
    CHECK(*text == "lost\naddress + 192.0.2.1\n");
}

TEST_CASE("MachineMonitor: who is interrupted reads anew behind the burst, however often") {
    const auto text = in_private_network([] {
        boost::asio::io_context control;
        MachineMonitor monitor{control};
        std::string heard;
        int interruptions = 3; // by the change, and by reading anew twice
        monitor.subscribe([&](const MachineChange& change) {
            const auto line = std::visit(Text{}, change);
            if (line != "address + 192.0.2.1" && line != "lost") return;
            heard += line + "\n";
            if (interruptions-- > 0) throw OsError{EINTR, "list"};
            control.stop();
        });
        monitor.subscribe([&](const MachineChange& change) {
            if (std::holds_alternative<AddressChange>(change)) heard += "the other one\n";
        });
        boost::asio::co_spawn(control, monitor.watch(), boost::asio::detached);
        heard += output_of("ip addr add 192.0.2.1/32 dev lo");
        control.run_for(std::chrono::seconds{20});
        return heard;
    });
    if (!text) return;
    CHECK(*text == "address + 192.0.2.1\nthe other one\nlost\nlost\nlost\n");
}

} // namespace nat64::platform
