// SPDX-License-Identifier: Apache-2.0
// What `explain` is told is what packets are told: foresee() against resolve_*() of the same
// flow, and that asking changes nothing.
#include "tests/backends/foresight.hpp"
#include "tests/backends/userspace/userspace.hpp"
#include "tests/support/rng.hpp"

#include <chrono>
#include <initializer_list>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <doctest/doctest.h>

namespace nat64::test {

namespace {

using enum L4Proto;

NaptSettings tight(const Limits& limits) {
    auto settings = small_settings();
    settings.limits = limits;
    return settings;
}

void impose(Network& net) {
    PolicySettings policy;
    policy.clients_deny = {Prefix6{ep6(7).address, 128}};
    policy.destinations_deny = {{Prefix4{}, Tcp, {Port{25}, Port{25}}}};
    net.backend->exchange_policy(
        std::make_shared<const Policy>(policy, std::vector{v4("203.0.113.1")}));
}

/// Random flows, each asked about and then sent. Counts what became of them.
void compare(Network& net, std::map<std::string, int>& seen) {
    Random random{5};
    const char* const servers[] = {
        "198.51.100.1", "198.51.100.2", "203.0.113.1", "10.0.0.1", "192.0.2.1"};
    for (unsigned i = 0; i < 1500; ++i) {
        const auto protocol = random.between(0, 1) == 0 ? Tcp : Udp;
        const auto client6 = ep6(static_cast<unsigned>(random.between(1, 9)),
                                 1024 + static_cast<unsigned>(random.between(0, 39)));
        // Ports that no flow had before: it is the beginning of a session that counts.
        const auto port = random.between(0, 9) == 0 ? 25U : 2000 + i;
        const auto server4 = ep4(servers[random.between(0, 4)], port);
        const auto foreseen = foresee_out(net, protocol, client6, server4);
        CAPTURE(i);
        const auto before = net.sessions().size();
        REQUIRE(foresee_out(net, protocol, client6, server4) == foreseen);
        REQUIRE(net.sessions().size() == before);
        const auto happened = net.out(protocol, client6, server4).verdict;
        if (port == 25 && happened == "ok") continue; // its second packet may be
        REQUIRE(happened == foreseen);
        ++seen[happened];
        if (random.between(0, 19) == 0) net.pass(std::chrono::seconds{random.between(0, 40)});
    }
}

} // namespace

TEST_CASE("explain: what is foreseen for a client's flow is what happens to it") {
    std::map<std::string, int> seen;
    for (const auto& limits : std::initializer_list<Limits>{
             {.sessions = 60, .half_open = 40, .sessions_per_client = 30},
             {.sessions = 3000, .ports_per_client = 12, .half_open_per_client = 3},
             {.sessions = 3000, .half_open = 9, .sessions_per_client = 10},
             {.sessions = 3000,
              .new_sessions_per_second_in_all = 20,
              .new_sessions_per_second = 6}}) {
        UserspaceNetwork net{tight(limits)};
        impose(net);
        compare(net, seen);
    }
    for (const auto* reason : {"ok",
                               "destination_denied 1/1",
                               "own_address 1/1",
                               "private_destination 1/1",
                               "client_denied 1/1",
                               "session_limit 1/3",
                               "half_open_limit 1/1",
                               "client_session_limit 1/1",
                               "rate_limit 1/1",
                               "client_rate_limit 1/1",
                               "client_port_limit 1/1",
                               "client_half_open_limit 1/1"}) {
        CAPTURE(std::string{reason});
        CHECK(seen[reason] > 0);
    }
}

TEST_CASE("explain: what a client holds is told") {
    UserspaceNetwork net;
    REQUIRE(net.out(Tcp, ep6(1, 1024), kServer).verdict == "ok");
    REQUIRE(net.out(Udp, ep6(1, 1024), kServer).verdict == "ok");
    REQUIRE(net.out(Udp, ep6(1, 1024), ep4("198.51.100.1", 53)).verdict == "ok");
    OutboundFlow flow;
    flow.client6 = ep6(1, 1024);
    flow.server4 = kServer;
    flow.protocol = Udp;
    const auto outlook = net.backend->foresee(flow, net.clock.now());
    CHECK(outlook.use.sessions == 3);
    CHECK(outlook.use.ports == 2);
    CHECK(outlook.use.half_open == 1);
    REQUIRE(outlook.binding);
    CHECK(outlook.binding->mapped4 ==
          net.backend->find_by_client(Udp, flow.client6).value().mapped4);
}

TEST_CASE("explain: what is foreseen for the IPv4 side is what happens") {
    for (const auto filtering : {Filtering::EndpointIndependent, Filtering::AddressDependent}) {
        auto settings = small_settings();
        settings.filtering = filtering;
        settings.limits.half_open_per_client = 1;
        UserspaceNetwork net{settings};
        impose(net);
        std::vector<Endpoint4> mapped;
        for (const auto protocol : {Tcp, Udp, Icmp})
            mapped.push_back(net.out(protocol, ep6(1), kServer).binding->mapped4);
        mapped.push_back(ep4("192.0.2.1", 7));
        mapped.push_back(ep4("192.0.2.99", 7));
        for (const auto protocol : {Tcp, Udp, Icmp})
            for (const auto& mapped4 : mapped)
                for (const auto* server :
                     {"203.0.113.5", "203.0.113.1", "10.0.0.1", "8.8.8.8"}) {
                    const auto server4 = ep4(server, 9999);
                    CAPTURE(server);
                    CAPTURE(mapped4.to_string());
                    const auto foreseen =
                        verdict(look_in(net, protocol, server4, mapped4), "3/13");
                    CHECK(net.in(protocol, server4, mapped4).verdict == foreseen);
                }
        CHECK(look_in(net, Udp, {}, mapped[1]).binding.has_value());
        CHECK_FALSE(look_in(net, Udp, {}, mapped[1]).obstacle.has_value());
    }
}

} // namespace nat64::test
