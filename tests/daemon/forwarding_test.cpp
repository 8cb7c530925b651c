// SPDX-License-Identifier: Apache-2.0
// Forwarding on a machine of our invention that does as Linux does: its switches take other
// values along.
#include "daemon/forwarding.hpp"
#include "tests/daemon/fake_host.hpp"

#include <algorithm>
#include <filesystem>
#include <map>
#include <optional>
#include <string>

#include <doctest/doctest.h>

#include <unistd.h>

namespace nat64::daemon {

namespace {

using kernel::Forward;
using kernel::ForwardOthers;

constexpr ForwardOthers kNobody{Forward::No, Forward::No};
constexpr auto kIpv4 = "net.ipv4.ip_forward";
constexpr auto kIpv6 = "net.ipv6.conf.all.forwarding";
constexpr auto kAcceptRa = "net/ipv6/conf/eth0/accept_ra";
constexpr auto kRedirects = "net/ipv4/conf/all/accept_redirects";

/// A host, not a router.
class Host final : public test::FakeHost {
public:
    Host() {
        links.emplace("nat64", platform::LinkIndex{7});
        sysctls = {{kIpv4, "0"},
                   {kIpv6, "0"},
                   {kRedirects, "0"},
                   {kAcceptRa, "1"},
                   {"net/ipv6/conf/nat64/accept_ra", "1"},
                   {"net/ipv6/conf/default/accept_ra", "0"},
                   {"net/ipv4/conf/eth0/forwarding", "0"},
                   {"net/ipv6/conf/eth0/forwarding", "0"}};
    }

    void set_sysctl(const std::string& name, const std::string& value) override {
        FakeHost::set_sysctl(name, value);
        if (name == kIpv4) {
            sysctls[kRedirects] = value == "0" ? "1" : "0";
            sysctls["net/ipv4/conf/eth0/forwarding"] = value;
        }
        if (name == kIpv6) sysctls["net/ipv6/conf/eth0/forwarding"] = value;
    }
};

struct Fixture {
    Host host;
    std::filesystem::path path = std::filesystem::temp_directory_path() /
                                 ("nat64-forwarding-test-" + std::to_string(::getpid()));
    SysctlRecord record{path, "this boot"};
    std::map<std::string, std::string> before = host.sysctls;
    std::optional<Forwarding> forwarding;

    ~Fixture() {
        forwarding.reset();
        std::filesystem::remove(path);
    }

    void switch_on() {
        forwarding.emplace(host,
                           look_at_forwarding(host),
                           "nat64",
                           record,
                           [&](const std::string& name, const std::string& value) {
                               host.set_sysctl(name, value);
                           });
    }
};

} // namespace

TEST_CASE("forwarding: on while nat64 runs, and everything as before at the end") {
    Fixture f;
    CHECK(look_at_forwarding(f.host) == kNobody);
    f.switch_on();
    CHECK(f.forwarding->others() == kNobody);
    CHECK(f.host.sysctl(kIpv4) == "1");
    CHECK(f.host.sysctl(kIpv6) == "1");
    CHECK(std::filesystem::exists(f.path));
    f.forwarding.reset();
    CHECK(f.host.sysctls == f.before);
    CHECK_FALSE(std::filesystem::exists(f.path));
}

TEST_CASE("forwarding: router advertisements stay accepted, where they were, before it is on") {
    Fixture f;
    f.switch_on();
    CHECK(f.host.sysctl(kAcceptRa) == "2");
    CHECK(f.host.sysctl("net/ipv6/conf/default/accept_ra") == "0");
    CHECK(f.host.sysctl("net/ipv6/conf/nat64/accept_ra") == "1");
    const auto position = [&](const std::string& what) {
        return std::ranges::find(f.host.sets, what) - f.host.sets.begin();
    };
    CHECK(position(std::string{kAcceptRa} + "=2") < position(std::string{kIpv6} + "=1"));
}

TEST_CASE("forwarding: what the operator has switched on is not touched") {
    Fixture f;
    f.host.sysctls[kIpv4] = "1";
    CHECK(look_at_forwarding(f.host) == ForwardOthers{Forward::Yes, Forward::No});
    f.switch_on();
    f.forwarding.reset();
    CHECK(f.host.sysctl(kIpv4) == "1");
    CHECK(f.host.sysctl(kIpv6) == "0");
    for (const auto& set : f.host.sets)
        CHECK(set.find("ipv4") == std::string::npos);
}

TEST_CASE("forwarding: a machine that forwards in part is not touched") {
    Fixture f;
    f.host.sysctls["net/ipv4/conf/eth0/forwarding"] = "1";
    CHECK(forwards_alone(f.host) == "eth0");
    CHECK(look_at_forwarding(f.host).ipv4 == Forward::Yes);
}

TEST_CASE("forwarding: what others have changed meanwhile is theirs") {
    Fixture f;
    f.switch_on();
    f.host.sysctls[kAcceptRa] = "0";
    f.host.set_sysctl(kIpv4, "0");
    f.forwarding.reset();
    CHECK(f.host.sysctl(kAcceptRa) == "0");
    CHECK(f.host.sysctl(kIpv4) == "0");
}

TEST_CASE("forwarding: where it cannot be switched on nothing is changed") {
    Fixture f;
    f.host.read_only = {kIpv6};
    f.switch_on();
    CHECK(f.forwarding->others() == ForwardOthers{Forward::No, Forward::Yes});
    CHECK(f.host.sysctl(kAcceptRa) == "1");
    CHECK(f.host.sysctl(kIpv6) == "0");
    f.forwarding.reset();
    CHECK(f.host.sysctls == f.before);
}

TEST_CASE("forwarding: what a killed nat64 left is put back by the next one") {
    Fixture f;
    f.switch_on();
    const auto during = f.host.sysctls;
    const auto written = f.record.read();
    f.forwarding.reset();
    SysctlRecord killed{f.path, "this boot"};
    killed.add(written);
    f.host.sysctls = during; // as if it had been killed
    put_back_recorded(f.host, f.record);
    CHECK(f.host.sysctls == f.before);
    CHECK_FALSE(std::filesystem::exists(f.path));
    CHECK(look_at_forwarding(f.host) == kNobody);
}

} // namespace nat64::daemon
