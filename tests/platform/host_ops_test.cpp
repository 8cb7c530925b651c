// SPDX-License-Identifier: Apache-2.0
// LinuxHost against the machine the test runs on, without root: reading only, and one request
// that must fail.
#include "platform/host_ops.hpp"
#include "platform/os_error.hpp"
#include "tests/support/private_network.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstring>
#include <string>
#include <system_error>
#include <thread>

#include <doctest/doctest.h>

#include <ifaddrs.h>
#include <netinet/in.h>
#include <sys/socket.h>

namespace nat64::platform {

namespace {

std::optional<IpAddress> address_of(const sockaddr* socket_address) {
    if (socket_address == nullptr) return {};
    if (socket_address->sa_family == AF_INET) {
        sockaddr_in v4{};
        std::memcpy(&v4, socket_address, sizeof v4);
        return Ipv4Addr{ntohl(v4.sin_addr.s_addr)};
    }
    if (socket_address->sa_family == AF_INET6) {
        sockaddr_in6 v6{};
        std::memcpy(&v6, socket_address, sizeof v6);
        Ipv6Addr::Bytes bytes{};
        std::memcpy(bytes.data(), &v6.sin6_addr, bytes.size());
        return Ipv6Addr{bytes};
    }
    return {};
}

} // namespace

TEST_CASE("LinuxHost: lists every address that getifaddrs lists, on the same link") {
    LinuxHost host;
    const auto rows = host.addresses();
    ifaddrs* first = nullptr;
    REQUIRE(::getifaddrs(&first) == 0);
    for (const ifaddrs* entry = first; entry != nullptr; entry = entry->ifa_next) {
        const auto address = address_of(entry->ifa_addr);
        if (!address) continue;
        CAPTURE(entry->ifa_name);
        const auto row = std::ranges::find(rows, *address, &LocalAddress::address);
        REQUIRE(row != rows.end());
        CHECK(host.find_link(host.link_name(row->link)) == row->link);
    }
    ::freeifaddrs(first);
}

TEST_CASE("LinuxHost: every unicast route leads to a link that exists") {
    LinuxHost host;
    for (const auto& row : host.routes()) {
        CAPTURE(to_string(row.destination));
        if (row.link) CHECK(host.link_name(*row.link).front() != '#');
    }
}

TEST_CASE(
    "LinuxHost: addresses that change while they are listed are waited for, not for ever") {
    const auto said = test::in_private_network([] {
        // More than one datagram has: only a list of several can be interrupted.
        (void)test::output_of(
            "ip link set lo up; for net in 192.0.2 198.51.100 203.0.113; do for i in "
            "$(seq 250); do echo addr add $net.$i/32 dev lo; done; done | ip -batch -");
        std::atomic<bool> on = true;
        std::thread others{[&] {
            while (on)
                (void)test::output_of(
                    "for i in $(seq 200); do echo addr del 192.0.2.9/32 dev lo; "
                    "echo addr add 192.0.2.9/32 dev lo; done | ip -batch -");
        }};
        std::string facts;
        LinuxHost hasty{Patience{std::chrono::milliseconds{0}}};
        // Until it happens: the others may have to wait for a processor.
        const auto given_up = std::chrono::steady_clock::now() + std::chrono::seconds{30};
        while (facts.empty() && std::chrono::steady_clock::now() < given_up)
            try {
                (void)hasty.addresses();
            } catch (const std::system_error& error) {
                facts = error.what();
            }
        std::thread end{[&] {
            std::this_thread::sleep_for(std::chrono::milliseconds{300});
            on = false;
        }};
        LinuxHost patient;
        facts += patient.addresses().size() >= 750 ? "; and then all" : "; and then few";
        end.join();
        others.join();
        return facts;
    });
    if (!said) return;
    CHECK(*said == "list the machine's addresses: Interrupted system call. they keep changing: "
                   "try again when they do not; and then all");
}

TEST_CASE("LinuxHost: names of links that are not there") {
    LinuxHost host;
    CHECK_FALSE(host.find_link("no-such-link"));
    CHECK(host.link_name(LinkIndex{0x7ffffff0}) == "#2147483632");
}

TEST_CASE("LinuxHost: sysctls by name, nothing for those that do not exist") {
    LinuxHost host;
    CHECK(host.sysctl("kernel.ostype") == "Linux");
    CHECK_FALSE(host.sysctl("net.no_such_thing"));
}

TEST_CASE("LinuxHost: a link of ours has IPv6 though new ones begin without it") {
    const auto said = test::in_private_network([] {
        LinuxHost host;
        host.set_sysctl("net.ipv6.conf.default.disable_ipv6", "1");
        auto text = test::output_of("ip link add a.b type veth peer name c");
        const auto link = host.find_link("a.b").value();
        host.set_up_link(link, {.mtu = Mtu{1280}, .queue_length = 500});
        host.add_route({Prefix6{Ipv6Addr::parse("64:ff9b::").value(), 96}, link});
        for (const auto* name : {"a.b", "c"})
            text += host.sysctl(std::string{"net/ipv6/conf/"} + name + "/disable_ipv6")
                        .value_or("?");
        return text;
    });
    if (said) CHECK(*said == "01");
}

TEST_CASE("LinuxHost: a refused request says what was tried on what") {
    LinuxHost host;
    const Route route{Prefix4{Ipv4Addr{192, 0, 2, 0}, 28}, LinkIndex{0x7ffffff0}};
    try {
        host.add_route(route);
        FAIL("a route over an interface that does not exist was added");
    } catch (const OsError& error) {
        CHECK(
            std::string{error.what()}.starts_with("add route 192.0.2.0/28 dev #2147483632: "));
    }
}

} // namespace nat64::platform
