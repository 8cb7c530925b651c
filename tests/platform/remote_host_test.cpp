// SPDX-License-Identifier: Apache-2.0
// HostOps through the process boundary: on this machine's loopback interface, and in a network
// namespace of its own where something is changed.
#include "platform/os_error.hpp"
#include "platform/remote_host.hpp"
#include "tests/support/private_network.hpp"

#include <cerrno>
#include <string>
#include <system_error>

#include <doctest/doctest.h>

namespace nat64 {

using namespace platform;

namespace {

PrivilegedProcess serve() {
    return PrivilegedProcess{[](Requests& requests) {
        static LinuxHost host;
        serve_host(requests,
                   host,
                   {[](const std::string& name) { return name == "net.ipv4.ip_forward"; },
                    {*Prefix6::parse("64:ff9b::/96"),
                     *Prefix4::parse("198.51.100.0/25"),
                     *Prefix4::parse("198.51.100.128/25")}});
    }};
}

int error_of(const std::function<void()>& action) {
    try {
        action();
        return 0;
    } catch (const std::system_error& error) {
        return error.code().value();
    }
}

} // namespace

TEST_CASE("remote host: what it tells is what this process sees") {
    auto process = serve();
    RemoteHost remote{process};
    LinuxHost here;
    CHECK(remote.find_link("lo") == here.find_link("lo"));
    CHECK(!remote.find_link("nat64-no-such"));
    CHECK(remote.link_name(here.find_link("lo").value()) == "lo");
    CHECK(remote.link_names() == here.link_names());
    CHECK(remote.addresses() == here.addresses());
    CHECK(remote.routes() == here.routes());
    CHECK(remote.sysctl("net.ipv4.ip_forward") == here.sysctl("net.ipv4.ip_forward"));
    CHECK(!remote.sysctl("net.ipv4.no_such_thing"));
}

TEST_CASE("remote host: sysctls that are not the network's are nobody's business") {
    auto process = serve();
    RemoteHost remote{process};
    for (const auto* name : {"kernel.core_pattern",
                             "net/../kernel.core_pattern",
                             "net...kernel",
                             "net.ipv4.tcp_fastopen_key",
                             "net/ipv6/conf/lo/stable_secret",
                             "net.ipv6.conf.lo.stable_secret"})
        CHECK(error_of([&] { (void)remote.sysctl(name); }) == EPERM);
    for (const auto* name : {"kernel.core_pattern", "net.ipv4.ip_default_ttl", ""})
        CHECK(error_of([&] { remote.set_sysctl(name, "1"); }) == EPERM);
}

TEST_CASE("remote host: routes of the first interface, and of no other") {
    const auto said = test::in_private_network([] {
        const auto trouble =
            test::output_of("ip link add one type veth peer name three && "
                            "ip link add two type veth peer name four && "
                            "ip link set three up && ip link set one up && ip link set two up");
        if (!trouble.empty()) return trouble;
        auto process = serve();
        RemoteHost remote{process};
        const auto one = remote.find_link("one").value();
        const auto two = remote.find_link("two").value();
        const IpPrefix destination = *Prefix4::parse("198.51.100.0/24");
        std::string facts;
        facts += std::to_string(error_of([&] { remote.add_route({destination, one}); }));
        facts += " " + std::to_string(error_of([&] { remote.add_route({destination, one}); }));
        facts += " " + std::to_string(error_of([&] { remote.add_route({destination, two}); }));
        facts += " " + std::to_string(error_of([&] { remote.set_up_link(two, {}); }));
        facts +=
            " " + std::to_string(error_of([&] { remote.delete_route({destination, one}); }));
        remote.set_sysctl("net.ipv4.ip_forward", "1");
        return facts + " " + remote.sysctl("net.ipv4.ip_forward").value_or("?");
    });
    if (!said) return;
    CHECK(*said == "0 17 1 1 0 1"); // EEXIST, EPERM, EPERM
}

TEST_CASE("remote host: routes of what was named, of its parts, and of nothing else") {
    const auto said = test::in_private_network([] {
        const auto trouble = test::output_of("ip link add one type veth peer name two && "
                                             "ip link set two up && ip link set one up");
        if (!trouble.empty()) return trouble;
        auto process = serve();
        RemoteHost remote{process};
        const auto one = remote.find_link("one").value();
        const auto tried = [&](const IpPrefix& destination) {
            const auto added = error_of([&] { remote.add_route({destination, one}); });
            const auto deleted = error_of([&] { remote.delete_route({destination, one}); });
            return " " + std::to_string(added) + std::to_string(deleted);
        };
        std::string facts;
        for (const auto* four : {"198.51.100.0/24", "198.51.100.255/32", "198.51.100.128/25"})
            facts += tried(*Prefix4::parse(four));
        for (const auto* six : {"64:ff9b::/96", "64:ff9b::c000:200/120"})
            facts += tried(*Prefix6::parse(six));
        for (const auto* four :
             {"0.0.0.0/0", "198.51.100.0/23", "198.51.101.0/32", "192.0.2.1/32"})
            facts += tried(*Prefix4::parse(four));
        for (const auto* six : {"::/0", "64:ff9b::/95", "2001:db8::/64"})
            facts += tried(*Prefix6::parse(six));
        return facts;
    });
    if (!said) return;
    CHECK(*said == " 00 00 00 00 00 11 11 11 11 11 11 11"); // EPERM
}

} // namespace nat64
