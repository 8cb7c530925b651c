// SPDX-License-Identifier: Apache-2.0
// The doctor and machines of our invention: a healthy one, and each thing that can be wrong.
#include "cli/doctor_checks.hpp"
#include "cli/doctor_dns64.hpp"
#include "cli/doctor_finding.hpp"
#include "tests/daemon/fake_host.hpp"

#include <algorithm>
#include <sstream>
#include <string>
#include <vector>

#include <boost/json.hpp>
#include <doctest/doctest.h>

namespace nat64::cli {

namespace {

using platform::IpPrefix;
using platform::LinkIndex;
using platform::LocalAddress;
using platform::RouteRow;
using test::kUplink;

constexpr LinkIndex kTun{7};

IpPrefix prefix4(const char* text) {
    return *Prefix4::parse(text);
}

IpPrefix prefix6(const char* text) {
    return *Prefix6::parse(text);
}

RouteRow route(const IpPrefix& destination, LinkIndex link) {
    return {destination, link, 0, 254};
}

class TwoLinks final : public test::FakeHost {
public:
    std::string link_name(LinkIndex link) override {
        for (const auto& [name, index] : links)
            if (index == link) return name;
        return "?";
    }
};

/// A gateway with a pool, on which everything is as it should be, and nat64 runs.
struct Fixture {
    TwoLinks host;
    config::Config config;
    MachineFacts facts;

    Fixture() {
        config.napt.pool = {{*Prefix4::parse("192.0.2.0/28"), {}}};
        config.translator.gateway4 = Ipv4Addr{192, 0, 2, 1};
        host.own_addresses = {
            {*Ipv4Addr::parse("203.0.113.1"), 24, kUplink, true, false, false},
            {*Ipv6Addr::parse("2001:db8::1"), 64, kUplink, true, false, false}};
        host.links["nat64"] = kTun;
        host.own_routes = {route(prefix4("0.0.0.0/0"), kUplink),
                           route(prefix6("64:ff9b::/96"), kTun),
                           route(prefix4("192.0.2.0/28"), kTun)};
        facts.kernel = "6.5.0-1-amd64";
        facts.net_admin = true;
        facts.mtus = {{"eth0", 1500}, {"nat64", 1500}};
        facts.files = 1024;
        facts.memory = 1 << 30;
        facts.dropping_chains.emplace();
        facts.dns64.addresses = {*Ipv6Addr::parse("64:ff9b::c000:aa")};
        facts.daemon.emplace();
        facts.daemon->tun = "nat64";
        facts.daemon->tcp_segmentation = true;
        Sample& sample = facts.daemon->sample;
        sample.version = "0.1.0";
        sample.napt = "daemon";
        sample.prefix = "64:ff9b::/96";
        sample.uptime = 1000;
        sample.received = 100;
        sample.protocols = {{.name = "tcp", .outbound = {60, 1}, .inbound = {40, 1}}};
    }

    std::vector<Finding> findings() {
        auto found = examine(config, facts, host);
        CHECK_FALSE(host.changed);
        CHECK(host.sets.empty());
        return found;
    }

    /// What is not in order, "health about: text" a line.
    std::string complaints() {
        std::string text;
        for (const Finding& finding : findings())
            if (finding.health != Health::Ok)
                text += std::string{name_of(finding.health)} + " " +
                        std::string{finding.about} + ": " + finding.text + "\n";
        return text;
    }

    /// The one finding that is not in order.
    Finding complaint() {
        const auto all = findings();
        REQUIRE(std::ranges::count_if(
                    all, [](const Finding& f) { return f.health != Health::Ok; }) == 1);
        return *std::ranges::find_if(all,
                                     [](const Finding& f) { return f.health != Health::Ok; });
    }
};

bool has(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

} // namespace

TEST_CASE_FIXTURE(Fixture, "doctor: a healthy gateway, with its daemon and before") {
    CHECK(complaints() == "");
    facts.daemon.reset();
    facts.daemon_trouble = "no daemon is running";
    host.links.erase("nat64");
    host.own_routes.resize(1);
    host.sysctls["net.ipv4.ip_forward"] = "0"; // which `run` switches on
    CHECK(complaints() == "? daemon: no daemon is running\n");
    CHECK(exit_code(findings()) == 0);
}

TEST_CASE_FIXTURE(Fixture, "doctor: no TUN device fails, with the system's own remedy") {
    facts.tun_trouble = "open /dev/net/tun: No such file or directory. Load it";
    CHECK(complaint().health == Health::Fail);
    CHECK(complaint().text == facts.tun_trouble);
    CHECK(exit_code(findings()) == 1);
}

TEST_CASE_FIXTURE(Fixture, "doctor: what cannot be seen without root is said, not judged") {
    facts.net_admin = false;
    facts.dropping_chains.reset();
    facts.chains_trouble = "list the chains of nftables: Operation not permitted";
    CHECK(complaints() ==
          "? privileges: not root, so not everything is looked at; `nat64 run` needs "
          "CAP_NET_ADMIN\n"
          "? firewall: list the chains of nftables: Operation not permitted\n");
}

TEST_CASE_FIXTURE(Fixture, "doctor: a pool of the machine's own addresses, told by its key") {
    host.own_addresses.push_back(
        {*Ipv4Addr::parse("192.0.2.5"), 32, kUplink, true, false, false});
    CHECK(complaint().health == Health::Fail);
    CHECK(complaint().text ==
          "pool[0]: 192.0.2.0/28 contains 192.0.2.5, an address of this machine (on eth0)");
    CHECK(has(complaint().remedy, "napt: kernel"));
}

TEST_CASE_FIXTURE(Fixture,
                  "doctor: the daemon's own TUN and routes are no collision; others'"
                  " are") {
    host.own_routes.push_back(route(prefix6("64:ff9b::/96"), kUplink));
    CHECK(has(complaint().text, "there is a route for 64:ff9b::/96 already, to eth0"));
}

TEST_CASE_FIXTURE(Fixture, "doctor: forwarding that is off under a running daemon fails") {
    host.sysctls["net.ipv4.ip_forward"] = "0";
    CHECK(complaint().health == Health::Fail);
    CHECK(complaint().text == "IPv4 forwarding is off: translated packets do not leave");
    CHECK(has(complaint().remedy, "sysctl -w net.ipv4.ip_forward=1"));
}

TEST_CASE_FIXTURE(Fixture, "doctor: no way out, no way in") {
    host.own_routes.erase(host.own_routes.begin());
    CHECK(has(complaint().text, "no IPv4 default route"));
    host.own_addresses.pop_back();
    CHECK(has(complaints(), "no global IPv6 address on any interface"));
}

TEST_CASE_FIXTURE(Fixture,
                  "doctor: a strict reverse path filter matters with several uplinks") {
    host.sysctls["net.ipv4.conf.all.rp_filter"] = "1";
    CHECK(complaints() == "");
    host.links["eth1"] = LinkIndex{3};
    facts.mtus["eth1"] = 1500;
    host.own_routes.push_back(route(prefix4("0.0.0.0/0"), LinkIndex{3}));
    CHECK(complaint().about == "rp_filter");
    CHECK(has(complaint().text, "a strict filter on eth0, eth1"));
    host.sysctls["net.ipv4.conf.all.rp_filter"] = "2";
    CHECK(complaints() == "");
}

TEST_CASE_FIXTURE(Fixture,
                  "doctor: an uplink narrower than configured, a TUN that was changed") {
    facts.mtus["eth0"] = 1400;
    CHECK(complaint().about == "MTU");
    CHECK(complaint().remedy == "write mtu.ipv4: 1400");
    facts.mtus = {{"eth0", 9000}, {"nat64", 1280}};
    CHECK(complaint().text == "nat64 has MTU 1280 instead of 1500: somebody has changed it");
    CHECK(complaint().remedy == "ip link set nat64 mtu 1500");
}

TEST_CASE_FIXTURE(Fixture, "doctor: forward chains that drop by default, of nft and iptables") {
    facts.dropping_chains = {{"inet", "filter", "forward"}};
    CHECK(has(complaint().text, "chain 'inet filter forward' drops what no rule accepts"));
    CHECK(has(complaint().remedy, "nat64 generate nftables"));
    facts.dropping_chains = {{"ip6", "filter", "FORWARD"}};
    CHECK(has(complaint().remedy, "ip6tables -I FORWARD -i nat64 -j ACCEPT"));
    facts.dropping_chains = {{"ip", "filter", "FORWARD", kernel::Keeper::IptablesLegacy}};
    CHECK(has(complaint().text, "iptables-legacy chain 'filter FORWARD'"));
    CHECK(has(complaint().remedy, "iptables-legacy -I FORWARD -i nat64 -j ACCEPT"));
}

TEST_CASE_FIXTURE(Fixture, "doctor: a connection tracking table that fills, or is missing") {
    host.sysctls["net.netfilter.nf_conntrack_count"] = "50";
    host.sysctls["net.netfilter.nf_conntrack_max"] = "100";
    CHECK(complaints() == "");
    host.sysctls["net.netfilter.nf_conntrack_count"] = "90";
    CHECK(complaint().health == Health::Warn);
    CHECK(has(complaint().remedy, "nf_conntrack_max=400"));
    host.sysctls["net.netfilter.nf_conntrack_count"] = "100";
    CHECK(complaint().health == Health::Fail);
}

TEST_CASE_FIXTURE(Fixture,
                  "doctor: RFC 7050: the resolver's prefix, another one, none, no answer") {
    facts.dns64.addresses = {*Ipv6Addr::parse("2001:db8:64::192.0.0.171")};
    CHECK(complaint().text == "the resolver of this machine makes addresses in "
                              "2001:db8:64::/96, not in 64:ff9b::/96");
    facts.dns64.addresses.clear();
    CHECK(complaint().health == Health::Warn);
    CHECK(has(complaint().remedy, "nat64 generate unbound"));
    facts.dns64.trouble = "the resolver of this machine does not answer";
    CHECK(complaint().health == Health::Unseen);
}

TEST_CASE("doctor: RFC 7050: prefixes of every length are recognized") {
    for (const char* text : {"2001:db8::/32",
                             "2001:db8:100::/40",
                             "2001:db8:122::/48",
                             "2001:db8:122:300::/56",
                             "2001:db8:122:344::/64",
                             "2001:db8:122:344::/96"}) {
        const auto prefix = rfc6052::Nat64Prefix::from(*Prefix6::parse(text));
        const auto found = prefixes_in(prefix->embed(Ipv4Addr{192, 0, 0, 170}));
        CHECK(std::ranges::find(found, prefix->prefix()) != found.end());
    }
    CHECK(prefixes_in(*Ipv6Addr::parse("2001:db8::1")).empty());
}

TEST_CASE_FIXTURE(Fixture, "doctor: too few files, too little memory, a clock for the log") {
    facts.files = 64;
    CHECK(has(complaint().text, "only 64 open files"));
    facts.files = 1024;
    facts.memory = 10 << 20;
    CHECK(has(complaint().text, "limits.sessions 1000000 may need 96.0 MB"));
    facts.memory = 1 << 30;
    facts.clock_synchronized = false;
    CHECK(complaints() == "");
    config.log.bindings = true;
    CHECK(complaint().about == "clock");
}

TEST_CASE_FIXTURE(Fixture, "doctor: a daemon without route, offload, or of another file") {
    host.own_routes.pop_back();
    CHECK(complaint().text == "no route to nat64 for 192.0.2.0/28");
    CHECK(complaint().health == Health::Fail);
    host.own_routes.push_back(route(prefix4("192.0.2.0/28"), kTun));
    facts.daemon->tcp_segmentation = false;
    CHECK(has(complaint().text, "no segmentation offload"));
    config.tun.offload = config::OffloadMode::Off;
    CHECK(complaints() == "");
    facts.daemon->sample.prefix = "2001:db8:64::/96";
    CHECK(has(complaint().text, "it runs with prefix 2001:db8:64::/96, and the configuration"));
}

TEST_CASE_FIXTURE(Fixture, "doctor: packets that do not come, or do not come back") {
    auto& sample = facts.daemon->sample;
    sample.protocols[0].inbound.packets = 0;
    CHECK(complaint().text == "60 packets have left and none has come back");
    CHECK(has(complaint().remedy, "does the upstream route the pool"));
    sample.received = 0;
    CHECK(has(complaint().text, "no packet has come to the TUN yet"));
    sample.uptime = 5;
    sample.protocols[0].outbound.packets = 0;
    CHECK(complaints() == "");
}

TEST_CASE_FIXTURE(Fixture, "doctor: drops that tell of a mistake, and noise that does not") {
    facts.daemon->sample.drops = {{"no_binding", "", 100'000}, {"not_in_prefix", "", 9}};
    CHECK(complaints() == "");
    facts.daemon->sample.drops = {{"not_in_prefix", "", 1234}};
    CHECK(complaint().text ==
          "not_in_prefix: 1,234 packets: something else is routed to the TUN");
    facts.daemon->sample.drops = {{"device_refused", "", 1234}};
    CHECK(complaint().health == Health::Fail);
}

TEST_CASE("doctor: findings are aligned, remedies below, and counted") {
    const std::vector<Finding> findings = {{Health::Ok, "TUN device", "opens", {}},
                                           {Health::Fail, "forwarding", "off", "switch it on"},
                                           {Health::Unseen, "firewall", "not root", {}}};
    std::ostringstream page;
    print_findings(findings, page);
    CHECK(page.str() == "ok    TUN device      opens\n"
                        "FAIL  forwarding      off\n"
                        "                      -> switch it on\n"
                        "?     firewall        not root\n"
                        "\n1 ok, 0 to look at, 1 wrong, 1 not seen\n");
    std::ostringstream document;
    print_findings_json(findings, document);
    CHECK(boost::json::parse(document.str()) == boost::json::parse(R"({"findings":[
        {"health":"ok","about":"TUN device","finding":"opens"},
        {"health":"fail","about":"forwarding","finding":"off","remedy":"switch it on"},
        {"health":"unseen","about":"firewall","finding":"not root"}],
        "count":{"ok":1,"warn":0,"fail":1,"unseen":1}})"));
    CHECK(exit_code(findings) == 1);
    CHECK(exit_code({{Health::Warn, "", "", {}}}) == 0);
}

} // namespace nat64::cli
