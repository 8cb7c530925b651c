// SPDX-License-Identifier: Apache-2.0
// What the second process does once, or within bounds, whoever asks.
#include "config/config.hpp"
#include "core/clock.hpp"
#include "daemon/icmp_timeout.hpp"
#include "daemon/machine.hpp"
#include "daemon/sysctl_record.hpp"
#include "tests/daemon/fake_host.hpp"
#include "tests/support/private_network.hpp"

#include <chrono>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <system_error>
#include <utility>

#include <doctest/doctest.h>

#include <unistd.h>

namespace nat64::daemon {

namespace {

std::filesystem::path own_path() {
    return std::filesystem::temp_directory_path() /
           ("nat64-machine-test-" + std::to_string(::getpid()));
}

config::Config configuration() {
    config::Config config;
    config.control.socket = own_path() / "nat64.sock";
    return config;
}

std::string error_of(const std::function<void()>& action) {
    try {
        action();
        return " 0";
    } catch (const std::system_error& error) {
        return " " + std::to_string(error.code().value());
    }
}

} // namespace

TEST_CASE("machine: forwarding is looked at and switched on once") {
    const auto said = test::in_private_network([] {
        Machine machine{configuration(), {}};
        const auto look = [&] { (void)machine.look_at_forwarding(); };
        const auto switch_on = [&] {
            machine.switch_forwarding_on("nat64", machine.others(), Guard::No);
        };
        std::string facts;
        for (int i = 0; i < 2; ++i)
            facts += error_of(look);
        for (int i = 0; i < 2; ++i)
            facts += error_of(switch_on);
        return facts + error_of(look) + " " +
               machine.host().sysctl("net.ipv4.ip_forward").value_or("?");
    });
    if (!said) return;
    CHECK(*said == " 0 1 0 1 1 1"); // EPERM
}

TEST_CASE("machine: a control socket that has not arrived is made again") {
    Machine machine{configuration(), {}};
    CHECK(machine.open_control_socket()); // and lost on its way
    CHECK_FALSE(machine.open_control_socket());
    const auto again = machine.open_control_socket(Again::Yes);
    REQUIRE(again);
    CHECK(again->socket);
    CHECK(std::filesystem::is_socket(own_path() / "nat64.sock"));
    CHECK_FALSE(machine.open_control_socket());
}

TEST_CASE("machine: conntrack's timeout for ICMP is what a configuration may say") {
    const auto said = test::in_private_network([] {
        Machine machine{configuration(), {}};
        std::string facts;
        for (const auto wanted : {std::chrono::hours{-1},
                                  std::chrono::hours{0},
                                  std::chrono::hours{1},
                                  std::chrono::hours{24 * 366}})
            facts += error_of([&] { machine.set_icmp_timeout(wanted); });
        return facts;
    });
    if (!said) return;
    CHECK(*said == " 1 1 0 1"); // EPERM
}

TEST_CASE("ICMP timeout: never below what others have set") {
    test::FakeHost host;
    host.sysctls[kIcmpTimeout] = "30";
    SysctlRecord record{own_path(), "here"};
    IcmpTimeout timeout{host, record};
    timeout.set(std::chrono::seconds{60});
    CHECK(host.sysctls[kIcmpTimeout] == "60");
    timeout.set(std::chrono::seconds{10});
    CHECK(host.sysctls[kIcmpTimeout] == "30");
}

TEST_CASE("ICMP timeout: the end of another nat64 lowers it only until it is set again") {
    test::FakeHost host;
    host.sysctls[kIcmpTimeout] = "30";
    SysctlRecord record{own_path(), "here"};
    SysctlRecord others_record{own_path().concat("-other"), "here"};
    {
        std::optional<IcmpTimeout> other{std::in_place, host, others_record};
        other->set(std::chrono::seconds{60});
        IcmpTimeout timeout{host, record};
        timeout.set(std::chrono::seconds{60});
        other.reset();
        timeout.set(std::chrono::seconds{60});
        CHECK(host.sysctls[kIcmpTimeout] == "60");
    }
    CHECK(host.sysctls[kIcmpTimeout] == "30");
}

TEST_CASE("ICMP timeout: what others have set since is theirs, also at the end") {
    test::FakeHost host;
    host.sysctls[kIcmpTimeout] = "30";
    SysctlRecord record{own_path(), "here"};
    {
        IcmpTimeout timeout{host, record};
        timeout.set(std::chrono::seconds{60});
        host.sysctls[kIcmpTimeout] = "120";
    }
    CHECK(host.sysctls[kIcmpTimeout] == "120");
    {
        IcmpTimeout timeout{host, record};
        timeout.set(std::chrono::seconds{180});
        host.sysctls[kIcmpTimeout] = "45";
        timeout.set(std::chrono::seconds{90}); // raised as at the start
        CHECK(host.sysctls[kIcmpTimeout] == "90");
    }
    CHECK(host.sysctls[kIcmpTimeout] == "45");
}

} // namespace nat64::daemon
