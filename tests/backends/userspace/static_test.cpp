// SPDX-License-Identifier: Apache-2.0
// `static`: RFC 6146 §3.1 knows entries that management has made; they work from both sides and
// never expire.
#include "tests/backends/userspace/userspace.hpp"

#include <stdexcept>
#include <string_view>
#include <vector>

#include <doctest/doctest.h>

namespace nat64::test {

using enum L4Proto;

namespace {

const StaticItem kWeb{Tcp, ep6(5, 8080), ep4("192.0.2.1", 80)};
const StaticItem kHost{std::nullopt, ep6(6, 0), ep4("192.0.2.3")};

NaptSettings with(std::vector<StaticItem> statics) {
    auto settings = small_settings();
    settings.pool = {pool_item("192.0.2.0/30")};
    settings.statics = std::move(statics);
    return settings;
}

} // namespace

TEST_CASE("static: a port works from the IPv4 side, at once and for ever") {
    UserspaceNetwork net{with({kWeb})};
    for (int i = 0; i < 3; ++i) {
        const auto syn = net.in(Tcp, kServer, ep4("192.0.2.1", 80), kSyn);
        REQUIRE(syn.verdict == "ok");
        CHECK(syn.binding->client6 == ep6(5, 8080));
        CHECK(net.out(Tcp, ep6(5, 8080), kServer, kSynAck).verdict == "ok");
        CHECK(net.state() == "established");
        net.pass(3h);
        net.pass(1h);
        CHECK(net.sessions().empty());
        REQUIRE(net.bindings().size() == 1);
        CHECK(net.bindings()[0].is_static);
    }
    CHECK(net.in(Udp, kServer, ep4("192.0.2.1", 80)).verdict == "no_binding 3/3");
}

TEST_CASE("static: a port works from the IPv6 side, and nobody else is given it") {
    auto settings = with({{Udp, ep6(5, 8080), ep4("192.0.2.1", 2000)}});
    settings.pool = {pool_item("192.0.2.1", 2000, 2001)};
    UserspaceNetwork net{settings};
    CHECK(net.out(Udp, ep6(5, 8080), kServer).binding->mapped4 == ep4("192.0.2.1", 2000));
    CHECK(net.out(Udp, ep6(9), kServer).binding->mapped4 == ep4("192.0.2.1", 2001));
    CHECK(net.out(Udp, ep6(10), kServer).verdict == "pool_exhausted 1/3");
}

TEST_CASE("static: what is withheld waits, and is there again when it is offered") {
    auto settings = with({kWeb, kHost});
    UserspaceNetwork net{settings};
    const auto outward = [&] {
        const auto web = net.out(Tcp, kWeb.client6, kServer, kSyn).verdict;
        return web + ", " + net.out(Udp, ep6(6, 900), kServer).verdict;
    };
    const auto foreseen = [&] {
        OutboundFlow flow;
        flow.client6 = kWeb.client6;
        flow.server4 = kServer;
        flow.protocol = Tcp;
        return net.backend->foresee(flow, net.clock.now()).obstacle.has_value();
    };
    REQUIRE(net.out(Tcp, kWeb.client6, kServer, kSyn).verdict == "ok");
    settings.withheld = {kWeb.mapped4.address, kHost.mapped4.address};
    REQUIRE(test::apply(*net.backend, settings, net.clock.now()).empty());
    net.pass(100ms);
    CHECK(net.sessions().empty());
    CHECK_FALSE(net.backend->owns(kWeb.mapped4.address)); // nor hairpins to it
    CHECK(outward() == "pool_exhausted 1/3, pool_exhausted 1/3");
    CHECK(net.out(Tcp, kWeb.client6, kServer, kSynAck).verdict == "pool_exhausted 1/3");
    CHECK(foreseen());

    settings.withheld.clear();
    REQUIRE(test::apply(*net.backend, settings, net.clock.now()).empty());
    CHECK(outward() == "ok, ok");
    CHECK_FALSE(foreseen());
    CHECK(net.in(Tcp, ep4("198.51.100.1", 1), kWeb.mapped4, kSyn).verdict == "ok");
}

TEST_CASE("static: is not subject to address-dependent filtering") {
    auto settings = with({kWeb});
    settings.filtering = Filtering::AddressDependent;
    UserspaceNetwork net{settings};
    CHECK(net.in(Tcp, kServer, kWeb.mapped4, kSyn).verdict == "ok");
}

TEST_CASE("static: a whole host has all its ports, both ways, without taking any from others") {
    UserspaceNetwork net{with({kHost})};
    for (const auto protocol : {Tcp, Udp, Icmp}) {
        const auto in = net.in(protocol, kServer, ep4("192.0.2.3", 700), kSyn);
        REQUIRE(in.verdict == "ok");
        CHECK(in.binding->client6 == ep6(6, 700));
        const auto out = net.out(protocol, ep6(6, 900), kServer, kSyn);
        REQUIRE(out.verdict == "ok");
        CHECK(out.binding->mapped4 == ep4("192.0.2.3", 900));
    }
    for (unsigned host = 10; host < 200; ++host)
        CHECK(net.out(Udp, ep6(host), kServer).binding->mapped4.address != v4("192.0.2.3"));
    net.pass(10min);
    CHECK(net.bindings().empty());
    CHECK(net.backend->owns(v4("192.0.2.3")));
    CHECK(net.backend->owns(Tcp, ep4("192.0.2.3", 1)));
}

TEST_CASE("static: a whole host's mapping is known without any packet") {
    UserspaceNetwork net{with({kHost})};
    CHECK(net.backend->find_by_client(Udp, ep6(6, 7))->mapped4 == ep4("192.0.2.3", 7));
    CHECK(net.backend->find_by_mapped(Udp, ep4("192.0.2.3", 7))->client6 == ep6(6, 7));
    // RFC 6146 §3.5.2.2, CLOSED: a non-SYN with a binding is translated.
    CHECK(net.out(Tcp, ep6(6, 7), kServer, kAck).binding->mapped4 == ep4("192.0.2.3", 7));
    CHECK(net.in(Tcp, kServer, ep4("192.0.2.3", 7), kAck).binding->client6 == ep6(6, 7));
    CHECK(net.bindings().empty());
}

TEST_CASE("static: entries that contradict each other are refused at the start") {
    CHECK_THROWS_AS(UserspaceNetwork{with({kWeb, {Tcp, ep6(7, 1), kWeb.mapped4}})},
                    std::invalid_argument);
    CHECK_THROWS_AS(UserspaceNetwork{with({kWeb, {Tcp, kWeb.client6, ep4("192.0.2.2", 1)}})},
                    std::invalid_argument);
    CHECK_NOTHROW(UserspaceNetwork{with({kWeb, kWeb})});
    CHECK_NOTHROW(UserspaceNetwork{with({kWeb, {Udp, kWeb.client6, kWeb.mapped4}})});
}

TEST_CASE(
    "static: a client inside the prefix is refused, since packets to it would come back") {
    const Endpoint6 inside{*Ipv6Addr::parse("64:ff9b::c000:201"), Port{80}};
    CHECK_THROWS_AS(UserspaceNetwork{with({{Tcp, inside, ep4("192.0.2.2", 1)}})},
                    std::invalid_argument);
    CHECK_THROWS_AS(
        UserspaceNetwork{with({{{}, {inside.address, Port{}}, ep4("192.0.2.2", 0)}})},
        std::invalid_argument);
    UserspaceNetwork net{with({})};
    auto settings = with({{Tcp, inside, ep4("192.0.2.2", 1)}});
    CHECK(net.backend->apply(settings, net.clock.now()) ==
          std::vector<std::string_view>{"static"});
}

TEST_CASE("static: one that a reload adds takes precedence over what traffic has made") {
    UserspaceNetwork net{with({})};
    const auto mapped4 = net.out(Tcp, ep6(9), kServer, kSyn).binding->mapped4;
    REQUIRE(net.out(Tcp, kWeb.client6, kServer, kSyn).verdict == "ok");
    REQUIRE(net.in(Tcp, kServer, kWeb.mapped4, kSyn).verdict == "held");
    auto settings = with({{Tcp, kWeb.client6, mapped4}, {Tcp, ep6(7, 1), kWeb.mapped4}});
    CHECK(test::apply(*net.backend, settings, net.clock.now()).empty());
    CHECK(net.in(Tcp, kServer, mapped4, kSyn).binding->client6 == kWeb.client6);
    CHECK(net.in(Tcp, kServer, kWeb.mapped4, kSyn).binding->client6 == ep6(7, 1));
    CHECK(net.bindings().size() == 2);
    net.pass(7s);
    CHECK(net.notes.expired.empty()); // the stored SYN was purged
    CHECK(net.notes.superseded == 1);
}

TEST_CASE("static: a binding like the new entry becomes it, with its sessions") {
    UserspaceNetwork net{with({})};
    const auto mapped4 = net.out(Tcp, ep6(9), kServer, kSyn).binding->mapped4;
    CHECK(test::apply(*net.backend, with({{Tcp, ep6(9), mapped4}}), net.clock.now()).empty());
    CHECK(net.sessions().size() == 1);
    net.pass(5min);
    CHECK(net.sessions().empty());
    CHECK(net.bindings().size() == 1);
}

TEST_CASE("static: one that a reload removes goes when its sessions are over") {
    UserspaceNetwork net{with({kWeb})};
    SUBCASE("none") {
        CHECK(test::apply(*net.backend, with({}), net.clock.now()).empty());
        CHECK(net.bindings().empty());
    }
    SUBCASE("one") {
        REQUIRE(net.in(Tcp, kServer, kWeb.mapped4, kSyn).verdict == "ok");
        CHECK(test::apply(*net.backend, with({}), net.clock.now()).empty());
        CHECK(net.bindings().size() == 1);
        net.pass(4min + 100ms);
        CHECK(net.bindings().empty());
    }
}

} // namespace nat64::test
