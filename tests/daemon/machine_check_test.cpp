// SPDX-License-Identifier: Apache-2.0
// check_machine() against a machine of our invention.
#include "daemon/machine_check.hpp"
#include "tests/daemon/fake_host.hpp"

#include <doctest/doctest.h>

namespace nat64::daemon {

namespace {

using platform::IpPrefix;
using platform::LinkIndex;
using platform::LocalAddress;
using platform::RouteRow;
using test::FakeHost;
using test::kUplink;

Prefix4 prefix4(std::string_view text) {
    return *Prefix4::parse(text);
}

Prefix6 prefix6(std::string_view text) {
    return *Prefix6::parse(text);
}

LocalAddress own4(std::string_view address, unsigned length = 32) {
    return {*Ipv4Addr::parse(address), length, kUplink, true, false, false};
}

LocalAddress own6(std::string_view address) {
    return {*Ipv6Addr::parse(address), 64, kUplink, true, false, false};
}

RouteRow route(const IpPrefix& destination, std::uint32_t metric, std::uint32_t table = 254) {
    return {destination, kUplink, metric, table};
}

struct Fixture {
    FakeHost host;
    config::Config config;

    Fixture() {
        config.napt.pool = {{prefix4("192.0.2.0/28"), {}}};
        config.translator.gateway4 = Ipv4Addr{192, 0, 2, 1};
        host.own_addresses = {own4("203.0.113.1"), own6("2001:db8::1")};
    }

    MachineReport check() {
        auto report = check_machine(config, host);
        CHECK_FALSE(host.changed);
        CHECK(host.sets.empty());
        return report;
    }

    /// The one problem that there must be.
    config::Problem problem() {
        const auto report = check();
        REQUIRE(report.problems.size() == 1);
        return report.problems[0];
    }

    /// The one warning that there must be, without problems.
    std::string warning() {
        const auto report = check();
        CHECK(report.problems.empty());
        REQUIRE(report.warnings.size() == 1);
        return report.warnings[0];
    }
};

bool contains(const std::string& text, std::string_view part) {
    return text.find(part) != std::string::npos;
}

} // namespace

TEST_CASE("machine: one that is ready is left alone") {
    Fixture f;
    const auto report = f.check();
    CHECK(report.problems.empty());
    CHECK(report.warnings.empty());
}

TEST_CASE("machine: a pool that contains its own address is refused with the way out") {
    Fixture f;
    f.host.own_addresses.push_back(own4("192.0.2.9"));
    const auto problem = f.problem();
    CHECK(problem.key == "pool[0]");
    CHECK(contains(problem.what, "192.0.2.9"));
    CHECK(contains(problem.what, "eth0"));
    CHECK(contains(problem.remedy, "napt: kernel"));
}

TEST_CASE("machine: a local route over pool or prefix is refused, beside them it is not") {
    Fixture f;
    const auto local = [](const IpPrefix& destination) {
        return RouteRow{destination, {}, 0, 255, platform::RouteKind::Own};
    };
    f.host.own_routes = {local(prefix4("198.51.100.0/24")), local(prefix6("2001:db8:7::/64"))};
    CHECK(f.check().warnings.empty()); // the policy knows it
    f.host.own_routes = {local(prefix4("192.0.2.8/29"))};
    CHECK(f.problem().key == "pool[0]");
    CHECK(contains(f.problem().what, "192.0.2.8/29"));
    f.host.own_routes = {local(prefix6("64:ff9b::/64"))};
    CHECK(f.problem().key == "prefix");
}

TEST_CASE("inner_pool: a route to nowhere is in the way if it is as long as the pool") {
    Fixture f;
    f.config.napt_mode = config::NaptMode::Kernel;
    f.config.napt.pool.clear();
    f.config.translator.gateway4.reset();
    f.config.napt.inner_pool = prefix4("100.64.0.0/16");
    const auto nowhere = [](std::string_view destination) {
        return RouteRow{prefix4(destination), {}, 0, 254, platform::RouteKind::Nowhere};
    };
    f.host.own_routes = {nowhere("100.64.0.0/10"), nowhere("10.0.0.0/8")};
    CHECK(f.check().problems.empty());
    for (const auto* longer : {"100.64.0.0/16", "100.64.7.0/24"}) {
        CAPTURE(longer);
        f.host.own_routes = {nowhere(longer)};
        CHECK(f.problem().key == "inner_pool");
        CHECK(contains(f.problem().what, "to nowhere"));
    }
    f.host.own_routes = {RouteRow{prefix4("100.64.0.0/10"), kUplink, 0, 254}};
    CHECK(f.problem().key == "inner_pool");
}

TEST_CASE("machine: an own address just outside the pool is none of our business") {
    Fixture f;
    f.host.own_addresses.push_back(own4("192.0.2.16"));
    CHECK(f.check().problems.empty());
}

TEST_CASE("machine: gateway.ipv4 must not be its own address") {
    Fixture f;
    f.config.translator.gateway4 = Ipv4Addr{203, 0, 113, 1};
    const auto problem = f.problem();
    CHECK(problem.key == "gateway.ipv4");
    CHECK(contains(problem.what, "203.0.113.1"));
}

TEST_CASE("machine: an own address in pool and gateway is said once") {
    Fixture f;
    f.host.own_addresses.push_back(own4("192.0.2.1"));
    CHECK(f.problem().key == "pool[0]");
}

TEST_CASE("machine: a prefix that contains its own IPv6 address is refused") {
    Fixture f;
    f.host.own_addresses.push_back(own6("64:ff9b::1"));
    const auto problem = f.problem();
    CHECK(problem.key == "prefix");
    CHECK(contains(problem.what, "64:ff9b::1"));
}

TEST_CASE("machine: an interface of that name is somebody's for now") {
    Fixture f;
    f.host.links.emplace("nat64", LinkIndex{9});
    const auto report = f.check();
    CHECK(report.problems.empty());
    REQUIRE(report.taken);
    CHECK(report.taken->key == "tun.name");
}

TEST_CASE("machine: a route in the place of ours is refused, a fallback behind it is not") {
    struct Case {
        const char* name;
        RouteRow route;
        const char* key; ///< of the problem, nullptr if there is none
    };

    const Case cases[] = {
        {"IPv4, same metric", route(prefix4("192.0.2.0/28"), 0), "pool"},
        {"IPv4, larger metric", route(prefix4("192.0.2.0/28"), 100), nullptr},
        {"IPv6, same metric", route(prefix6("64:ff9b::/96"), 1024), "prefix"},
        {"IPv6, smaller metric", route(prefix6("64:ff9b::/96"), 10), "prefix"},
        {"IPv6, larger metric", route(prefix6("64:ff9b::/96"), 4096), nullptr},
        {"another table", route(prefix6("64:ff9b::/96"), 0, 100), nullptr},
        {"default route", route(Prefix4{}, 0), nullptr},
    };
    for (const auto& c : cases) {
        CAPTURE(c.name);
        Fixture f;
        f.host.own_routes = {c.route};
        if (c.key == nullptr) {
            const auto report = f.check();
            CHECK(report.problems.empty());
            CHECK(report.warnings.empty());
        } else {
            CHECK(f.problem().key == c.key);
        }
    }
}

TEST_CASE("machine: a route for a part of the pool or prefix is warned about") {
    Fixture f;
    f.host.own_routes = {route(prefix4("192.0.2.8/30"), 0)};
    CHECK(contains(f.warning(), "192.0.2.8/30"));
    f.host.own_routes = {route(prefix6("64:ff9b::c000:0/112"), 1024)};
    CHECK(contains(f.warning(), "64:ff9b::c000:0/112"));
}

TEST_CASE("machine: a pool inside an interface's own network is warned about") {
    Fixture f;
    f.host.own_addresses.push_back(own4("192.0.2.254", 24));
    const auto text = f.warning();
    CHECK(contains(text, "192.0.2.0/24"));
    CHECK(contains(text, "proxy ARP"));
}

TEST_CASE("machine: forwarding that is off is no trouble, a family that is missing is") {
    Fixture f;
    f.host.sysctls["net.ipv4.ip_forward"] = "0";
    CHECK(f.check().warnings.empty());
    f.host.sysctls.erase("net.ipv6.conf.all.forwarding");
    CHECK(contains(f.warning(), "no IPv6"));
}

TEST_CASE("machine: forwarding of some interfaces only is warned about") {
    Fixture f;
    f.host.sysctls["net.ipv4.ip_forward"] = "0";
    f.host.sysctls["net/ipv4/conf/eth0/forwarding"] = "1";
    CHECK(contains(f.warning(), "eth0 forwards IPv4"));
}

TEST_CASE("machine: what goes to the TUN is prefix, pool and gateway, nothing twice") {
    Fixture f;
    f.config.napt.pool = {{prefix4("198.51.100.7/32"), {}},
                          {prefix4("192.0.2.0/28"), {}},
                          {prefix4("198.51.100.7/32"), {}}};
    CHECK(routes_to_tun(f.config) == std::vector<IpPrefix>{prefix6("64:ff9b::/96"),
                                                           prefix4("192.0.2.0/28"),
                                                           prefix4("198.51.100.7/32")});
    f.config.translator.gateway4 = Ipv4Addr{192, 0, 2, 100};
    CHECK(routes_to_tun(f.config) == std::vector<IpPrefix>{prefix6("64:ff9b::/96"),
                                                           prefix4("192.0.2.0/28"),
                                                           prefix4("192.0.2.100/32"),
                                                           prefix4("198.51.100.7/32")});
}

TEST_CASE("machine: gateway6 is global, lasting, and rather from the Internet") {
    auto link_local = own6("fe80::1");
    link_local.global = false;
    auto deprecated = own6("2001:db8::d");
    deprecated.deprecated = true;
    auto temporary = own6("2001:db8::7");
    temporary.temporary = true;
    const auto unique_local = own6("fd00::1");
    const auto internet = own6("2001:db8::1");
    const auto v4 = own4("203.0.113.1");

    CHECK_FALSE(choose_gateway6(std::vector{v4, link_local, deprecated, temporary}));
    CHECK(choose_gateway6(std::vector{link_local, unique_local}) == Ipv6Addr::parse("fd00::1"));
    CHECK(choose_gateway6(std::vector{unique_local, internet}) ==
          Ipv6Addr::parse("2001:db8::1"));
    CHECK(choose_gateway6(std::vector{internet, unique_local}) ==
          Ipv6Addr::parse("2001:db8::1"));
}

} // namespace nat64::daemon
