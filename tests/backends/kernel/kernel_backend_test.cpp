// SPDX-License-Identifier: Apache-2.0
// The 1:1 backend through NaptBackend: its rules, those about time above all.
#include "backends/kernel/kernel_backend.hpp"
#include "tests/backends/foresight.hpp"
#include "tests/backends/network.hpp"

#include <stdexcept>

#include <doctest/doctest.h>

namespace nat64::kernel {

namespace {

using namespace test;
using enum L4Proto;

NaptSettings settings_with(const char* pool) {
    NaptSettings settings;
    settings.inner_pool = Prefix4::parse(pool);
    return settings;
}

std::unique_ptr<NaptBackend> make(const NaptSettings& settings, Counters& counters, Rng& rng) {
    return std::make_unique<KernelBackend>(settings, counters, rng);
}

const Endpoint4 kServer = ep4("203.0.113.5", 443);

} // namespace

TEST_CASE("napt: kernel: ports and identifiers pass untouched, a host is one address") {
    Network net{settings_with("100.64.0.0/24"), make};
    const auto udp = net.out(Udp, ep6(1, 5000), kServer);
    const auto tcp = net.out(Tcp, ep6(1, 6000), kServer);
    const auto icmp = net.out(Icmp, ep6(1, 7), kServer);
    REQUIRE(udp.binding);
    CHECK(udp.binding->mapped4.port == Port{5000});
    CHECK(tcp.binding->mapped4 == Endpoint4{udp.binding->mapped4.address, Port{6000}});
    CHECK(icmp.binding->mapped4 == Endpoint4{udp.binding->mapped4.address, Port{7}});
    const auto reply = net.in(Udp, kServer, {udp.binding->mapped4.address, Port{9}}, kNoFlags);
    CHECK(reply.binding->client6 == ep6(1, 9));
    CHECK(net.bindings().size() == 1);
    CHECK(net.notes.events.size() == 1);
}

TEST_CASE("napt: kernel: a full pool is answered with address unreachable") {
    Network net{settings_with("100.64.0.0/30"), make};
    CHECK(net.out(Udp, ep6(1), kServer).verdict == "ok");
    CHECK(net.out(Udp, ep6(2), kServer).verdict == "ok");
    CHECK(net.out(Udp, ep6(3), kServer).verdict == "pool_exhausted 1/3");
    CHECK(net.out(Udp, ep6(1), kServer).verdict == "ok");
    net.pass(5min + KernelBackend::kMargin + 200ms);
    CHECK(net.out(Udp, ep6(3), kServer).verdict == "ok");
}

TEST_CASE("policy: napt: kernel asks it for every packet, so another one holds at once") {
    Network net{settings_with("100.64.0.0/24"), make};
    PolicySettings settings;
    const std::vector own{v4("203.0.113.1")};
    net.backend->exchange_policy(std::make_shared<const Policy>(settings, own));
    CHECK(net.out(Tcp, ep6(1), ep4("203.0.113.1", 22)).verdict == "own_address 1/1");
    CHECK(net.out(Udp, ep6(1), ep4("192.168.1.1", 53)).verdict == "private_destination 1/1");
    CHECK(net.bindings().empty()); // a stranger's probes take no address
    CHECK(net.out(Tcp, ep6(1), kServer, kAck).verdict == "ok");
    settings.destinations_deny = {{Prefix4{kServer.address, 32}, Tcp}};
    net.backend->exchange_policy(std::make_shared<const Policy>(settings, own));
    CHECK(net.out(Tcp, ep6(1), kServer, kAck).verdict == "destination_denied 1/1");
    CHECK(net.out(Udp, ep6(1), kServer).verdict == "ok");
}

TEST_CASE("policy: napt: kernel asks it for plain packets, too") {
    Network net{settings_with("100.64.0.0/24"), make};
    const auto inner4 = net.out(Udp, ep6(1), kServer).binding->mapped4;
    CHECK(net.out(Udp, ep6(2), kServer).verdict == "ok");
    const auto refreshed = [&](const Endpoint6& client6, const Endpoint4& server4) {
        std::vector<OutboundFlow> flows(1);
        flows[0].client6 = client6;
        flows[0].server4 = server4;
        flows[0].protocol = Udp;
        net.backend->prepare(flows, {});
        return net.backend->refresh_outbound(flows, net.clock.now()) == 1;
    };
    CHECK(refreshed(ep6(1), kServer));
    CHECK(refreshed(ep6(1), ep4("203.0.113.6", 1))); // another flow of a known client
    CHECK_FALSE(refreshed(ep6(2), inner4));
    PolicySettings settings;
    settings.clients_deny = {Prefix6{ep6(2).address, 128}};
    settings.destinations_deny = {{Prefix4{kServer.address, 32}, Udp}};
    const std::vector own{v4("203.0.113.1")};
    net.backend->exchange_policy(std::make_shared<const Policy>(settings, own));
    CHECK_FALSE(refreshed(ep6(1), kServer));
    CHECK_FALSE(refreshed(ep6(1), ep4("203.0.113.1", 22)));
    CHECK_FALSE(refreshed(ep6(2), ep4("203.0.113.6", 1)));
    CHECK(refreshed(ep6(1), ep4("203.0.113.6", 1)));
}

TEST_CASE("limits.addresses_per_client: one prefix cannot take the pool") {
    auto settings = settings_with("100.64.0.0/24");
    settings.limits.client_prefix = 64;
    settings.limits.addresses_per_client = 2;
    Network net{settings, make};
    CHECK(net.out(Udp, ep6(1), kServer).verdict == "ok");
    CHECK(net.out(Udp, ep6(2), kServer).verdict == "ok");
    CHECK(net.out(Udp, ep6(3), kServer).verdict == "client_address_limit 1/1");
    const Endpoint6 other{Ipv6Addr::from_halves(0x2001'0db8'0000'0002, 1), Port{1}};
    CHECK(net.out(Udp, other, kServer).verdict == "ok");
}

TEST_CASE("explain: napt: kernel foresees what packets are told, and gives no address") {
    auto settings = settings_with("100.64.0.0/28");
    settings.limits.client_prefix = 64;
    settings.limits.addresses_per_client = 2;
    Network net{settings, make};
    const std::vector own{v4("203.0.113.1")};
    net.backend->exchange_policy(std::make_shared<const Policy>(PolicySettings{}, own));
    for (unsigned host = 1; host <= 4; ++host)
        for (const auto* address : {"198.51.100.1", "203.0.113.1", "10.0.0.1", "100.64.0.3"}) {
            const auto before = net.bindings().size();
            const auto foreseen = foresee_out(net, Tcp, ep6(host), ep4(address, 80));
            CHECK(net.bindings().size() == before);
            CHECK(net.out(Tcp, ep6(host), ep4(address, 80)).verdict == foreseen);
        }
    CHECK(foresee_out(net, Udp, ep6(5), kServer) == "client_address_limit 1/1");
    const auto mapped4 = net.bindings()[0].mapped4.address;
    CHECK(look_in(net, Udp, kServer, {mapped4, Port{5}}).binding->client6.port == Port{5});
    const auto is_free = [&](Ipv4Addr inner4) {
        return !net.backend->find_by_mapped(Udp, {inner4, Port{}});
    };
    const auto nobodys = is_free(v4("100.64.0.12"))   ? v4("100.64.0.12")
                         : is_free(v4("100.64.0.13")) ? v4("100.64.0.13")
                                                      : v4("100.64.0.14");
    CHECK(verdict(look_in(net, Udp, kServer, {nobodys, Port{443}}), "") == "no_binding 3/1");
    CHECK(verdict(look_in(net, Udp, kServer, ep4("192.0.2.1")), "") == "not_in_pool");
}

TEST_CASE("napt: kernel: inner addresses are no destinations for clients") {
    Network net{settings_with("100.64.0.0/24"), make};
    const auto other = net.out(Udp, ep6(1), kServer).binding->mapped4;
    CHECK(net.out(Udp, ep6(2), other).verdict == "illegal_destination 1/1");
    CHECK(net.out(Udp, ep6(2), ep4("100.64.0.1", 53)).verdict == "illegal_destination 1/1");
    CHECK(net.bindings().size() == 1);
    // Nor for their ICMP errors.
    const auto ruling = net.backend->inbound_ruling(ep6(2).address, Udp, other);
    CHECK(ruling.basis == Basis::InnerAddress);
}

TEST_CASE("napt: kernel: a host lasts as long as conntrack may remember its flows") {
    struct Case {
        const char* what;
        L4Proto protocol;
        bool answered;
        TcpFlags last;
        Clock::duration lasts;
    };

    const Case cases[]{
        {"UDP, timeouts.udp", Udp, true, kNoFlags, 5min},
        {"ICMP, timeouts.icmp", Icmp, true, kNoFlags, 60s},
        {"SYN only, timeouts.tcp_transitory", Tcp, false, kSyn, 4min},
        {"TCP that nobody answers, the same", Tcp, false, kAck, 4min},
        {"TCP with an answer, timeouts.tcp_established", Tcp, true, kAck, 124min},
        {"another SYN after that: its own flow is short, the other not",
         Tcp,
         true,
         kSyn,
         124min},
    };
    for (const auto& c : cases) {
        CAPTURE(c.what);
        Network net{settings_with("100.64.0.0/24"), make};
        const auto first = net.out(c.protocol, ep6(1), kServer, kSyn);
        REQUIRE(first.binding);
        if (c.answered)
            CHECK(net.in(c.protocol, kServer, first.binding->mapped4, kSynAck).verdict == "ok");
        CHECK(net.out(c.protocol, ep6(1), kServer, c.last).verdict == "ok");
        net.pass(c.lasts + 1s);
        CHECK(net.bindings().size() == 1);
        net.pass(KernelBackend::kMargin);
        CHECK(net.bindings().empty());
        REQUIRE(net.notes.events.size() == 2);
        CHECK(net.notes.events[1].kind == EventKind::BindingDeleted);
        CHECK(net.notes.events[1].reason == EventReason::Expired);
        CHECK(net.notes.events[1].whole_host);
    }
}

TEST_CASE("napt: kernel: packets of either side keep a host") {
    Network net{settings_with("100.64.0.0/24"), make};
    const auto mapped4 = net.out(Udp, ep6(1), kServer).binding->mapped4;
    for (int i = 0; i < 10; ++i) {
        net.pass(4min);
        if (i % 2 == 0)
            CHECK(net.in(Udp, kServer, mapped4).verdict == "ok");
        else
            CHECK(net.out(Udp, ep6(1), kServer).binding->mapped4 == mapped4);
    }
    CHECK(net.notes.events.size() == 1);
}

TEST_CASE("napt: kernel: plain TCP keeps a host as long as TCP in general") {
    for (const bool answered : {false, true}) {
        CAPTURE(answered);
        Network net{settings_with("100.64.0.0/24"), make};
        const auto mapped4 = net.out(Tcp, ep6(1), kServer).binding->mapped4;
        std::vector<InboundFlow> in(1);
        in[0].server4 = kServer;
        in[0].mapped4 = mapped4;
        in[0].protocol = Tcp;
        in[0].tcp = answered ? kSynAck : kRst;
        CHECK(net.backend->refresh_inbound(in, net.clock.now()) == 1);
        net.pass(3min);
        std::vector<OutboundFlow> out(1);
        out[0].client6 = ep6(1);
        out[0].server4 = kServer;
        out[0].protocol = Tcp;
        out[0].tcp = kAck;
        net.backend->prepare(out, {});
        CHECK(net.backend->refresh_outbound(out, net.clock.now()) == 1);
        net.pass((answered ? 124min : 4min) + 1s);
        CHECK(net.bindings().size() == 1);
        net.pass(KernelBackend::kMargin);
        CHECK(net.bindings().empty());
    }
}

TEST_CASE("napt: kernel: the fast path's packets count, unless the host has changed") {
    Network net{settings_with("100.64.0.0/30"), make};
    const auto handle = net.out(Udp, ep6(1), kServer).binding->handle;
    net.pass(4min);
    net.backend->touch(handle, net.clock.now(), 1, 100);
    net.pass(4min);
    CHECK(net.bindings().size() == 1);
    net.pass(10min);
    CHECK(net.bindings().empty());
    net.backend->touch(handle, net.clock.now(), 1, 100);
    net.backend->touch({1000, 0}, net.clock.now(), 1, 100);
    CHECK(net.bindings().empty());
}

TEST_CASE("static: a host has its inner address at once and for ever") {
    auto settings = settings_with("100.64.0.0/24");
    settings.statics = {{std::nullopt, {ep6(7).address, Port{}}, ep4("100.64.0.77")}};
    Network net{settings, make};
    CHECK(net.in(Tcp, kServer, ep4("100.64.0.77", 80), kSyn).binding->client6 == ep6(7, 80));
    net.pass(48h);
    REQUIRE(net.bindings().size() == 1);
    CHECK(net.bindings()[0].is_static);
    CHECK(net.out(Tcp, ep6(7), kServer).binding->mapped4.address == v4("100.64.0.77"));
}

TEST_CASE("static: what napt: kernel cannot do is refused at the start") {
    const auto start = [](StaticItem item) {
        auto settings = settings_with("100.64.0.0/24");
        settings.statics = {item, item};
        settings.statics[1].client6.address = ep6(9).address;
        Network net{settings, make};
    };
    CHECK_THROWS_WITH_AS(start({Tcp, ep6(1, 80), ep4("100.64.0.7", 80)}),
                         "static: napt: kernel has no ports",
                         std::invalid_argument);
    const Endpoint6 inside{*Ipv6Addr::parse("64:ff9b::c000:201"), Port{}};
    CHECK_THROWS_WITH_AS(start({std::nullopt, inside, ep4("100.64.0.7")}),
                         "static: 64:ff9b::c000:201 cannot be behind this translator",
                         std::invalid_argument);
    CHECK_THROWS_WITH_AS(start({std::nullopt, ep6(1, 0), ep4("192.0.2.7")}),
                         "static: 2001:db8:0:1::1: not an address of the inner pool",
                         std::invalid_argument);
    CHECK_THROWS_WITH_AS(start({std::nullopt, ep6(1, 0), ep4("100.64.0.7")}),
                         "static: 2001:db8:0:1::9: its address belongs to another client",
                         std::invalid_argument);
    CHECK_THROWS_WITH_AS((Network{NaptSettings{}, make}),
                         "napt: kernel needs inner_pool",
                         std::invalid_argument);
}

TEST_CASE("gateway.ipv4: an inner address that no client gets") {
    auto settings = settings_with("100.64.0.0/30");
    settings.reserved = {v4("100.64.0.1")};
    Network net{settings, make};
    CHECK(net.out(Udp, ep6(1), kServer).binding->mapped4.address == v4("100.64.0.2"));
    CHECK(net.out(Udp, ep6(2), kServer).verdict == "pool_exhausted 1/3");
    CHECK(net.backend->owns(v4("100.64.0.1")));
    CHECK(net.in(Udp, kServer, ep4("100.64.0.1", 5)).verdict == "no_binding 3/1");
}

TEST_CASE("reload: what cannot change is named, and then nothing changes") {
    auto settings = settings_with("100.64.0.0/24");
    Network net{settings, make};
    auto other = settings_with("100.65.0.0/24");
    other.prefix = *rfc6052::Nat64Prefix::from(*Prefix6::parse("2001:db8:64::/96"));
    other.reserved = {v4("100.65.0.1")};
    other.limits.client_prefix = 64;
    other.timeouts.udp = 10min;
    other.statics = {{Tcp, ep6(1, 80), ep4("100.65.0.7", 80)}};
    const std::vector<std::string_view> keys{
        "prefix", "inner_pool", "gateway", "limits.client_prefix", "static"};
    CHECK(test::apply(*net.backend, other, net.clock.now()) == keys);
    CHECK(net.out(Udp, ep6(1), kServer).verdict == "ok");
    net.pass(6min);
    CHECK(net.bindings().empty());
}

TEST_CASE("reload: timeouts grow at once; flows of longer ones are still believed in") {
    auto settings = settings_with("100.64.0.0/24");
    Network net{settings, make};
    settings.timeouts.udp = 10min;
    CHECK(test::apply(*net.backend, settings, net.clock.now()).empty());
    CHECK(net.out(Udp, ep6(1), kServer).verdict == "ok");
    settings.timeouts.udp = 2min;
    CHECK(test::apply(*net.backend, settings, net.clock.now()).empty());
    CHECK(net.out(Udp, ep6(1), kServer).verdict == "ok");
    net.pass(9min);
    CHECK(net.bindings().size() == 1);
    net.pass(2min);
    CHECK(net.bindings().empty());
}

TEST_CASE("reload: static hosts come, displace, and become ordinary ones") {
    auto settings = settings_with("100.64.0.0/24");
    Network net{settings, make};
    const auto taken = net.out(Udp, ep6(1), kServer).binding->mapped4.address;
    CHECK(net.out(Udp, ep6(2), kServer).verdict == "ok");
    auto with = settings;
    with.statics = {{std::nullopt, ep6(2, 0), {taken, Port{}}}};
    CHECK(test::apply(*net.backend, with, net.clock.now()).empty());
    CHECK(net.out(Udp, ep6(2), kServer).binding->mapped4.address == taken);
    CHECK(net.out(Udp, ep6(1), kServer).binding->mapped4.address != taken);
    net.pass(3h);
    REQUIRE(net.bindings().size() == 1);
    CHECK(net.bindings()[0].is_static);
    CHECK(test::apply(*net.backend, settings, net.clock.now()).empty());
    CHECK(net.bindings().size() == 1);
    net.pass(3h);
    CHECK(net.bindings().empty());
}

TEST_CASE("napt: kernel: an address is held for as long as servers go on sending to it") {
    Network net{settings_with("100.64.0.0/29"), make};
    auto& backend = dynamic_cast<KernelBackend&>(*net.backend);
    const Endpoint4 mapped4{v4("100.64.0.3"), Port{4000}};
    backend.hold(mapped4.address, net.clock.now() + 5min);
    net.pass(4min);
    CHECK(net.in(Udp, kServer, mapped4).verdict == "no_binding 3/1");
    net.pass(4min);
    CHECK(backend.is_held(mapped4.address));
    CHECK(net.in(Tcp, kServer, mapped4, kAck).verdict == "no_binding 3/1");
    net.pass(2h);
    CHECK(backend.is_held(mapped4.address));
    net.pass(10min);
    CHECK_FALSE(backend.is_held(mapped4.address));
    CHECK(net.in(Udp, kServer, mapped4).verdict == "no_binding 3/1"); // nothing comes of it
    CHECK_FALSE(backend.is_held(mapped4.address));
}

TEST_CASE("reload: the address that a client leaves for a static one is held for its flows") {
    auto settings = settings_with("100.64.0.0/29");
    Network net{settings, make};
    const auto left = net.out(Udp, ep6(1), kServer).binding->mapped4.address;
    const auto wanted = left == v4("100.64.0.5") ? v4("100.64.0.4") : v4("100.64.0.5");
    auto with = settings;
    with.statics = {{std::nullopt, ep6(1, 0), {wanted, Port{}}}};
    CHECK(test::apply(*net.backend, with, net.clock.now()).empty());
    CHECK(net.out(Udp, ep6(1), kServer).binding->mapped4.address == wanted);
    const auto& backend = dynamic_cast<const KernelBackend&>(*net.backend);
    CHECK(backend.is_held(left));
    CHECK_FALSE(backend.is_held(wanted));
    net.pass(5min + KernelBackend::kMargin + 200ms);
    CHECK_FALSE(backend.is_held(left));
}

TEST_CASE("restore: a host is back at its address for as long as its row says") {
    Network net{settings_with("100.64.0.0/24"), make};
    SessionRow row;
    row.client6 = ep6(1);
    row.mapped4 = ep4("100.64.0.99", 40000);
    row.expires_in = 1h;
    CHECK(net.backend->restore(row, net.clock.now()));
    CHECK(net.backend->restore(row, net.clock.now())); // another flow of the same host
    CHECK(net.out(Icmp, ep6(1), kServer).binding->mapped4.address == v4("100.64.0.99"));
    row.client6 = ep6(2);
    CHECK(net.backend->restore(row, net.clock.now()).error() ==
          "its address belongs to another client");
    net.pass(59min);
    CHECK(net.bindings().size() == 1);
    net.pass(2min);
    CHECK(net.bindings().empty());
    CHECK(net.notes.events[0].reason == EventReason::Restored);
}

TEST_CASE("show pool: the inner pool in addresses") {
    auto settings = settings_with("100.64.0.0/24");
    settings.reserved = {v4("100.64.0.1")};
    settings.limits.client_prefix = 64;
    Network net{settings, make};
    CHECK(net.out(Udp, ep6(1), kServer).verdict == "ok");
    CHECK(net.out(Udp, ep6(2), kServer).verdict == "ok");
    std::vector<PoolRow> rows;
    net.backend->pool_usage(rows);
    REQUIRE(rows.size() == 1);
    CHECK(rows[0].whole_hosts == settings.inner_pool);
    CHECK(rows[0].total == 253);
    CHECK(rows[0].used == 2);
    CHECK(rows[0].clients == 1);
    CHECK(net.counters.bindings_created[1].value() == 2);
}

TEST_CASE("show bindings: filters by client and by inner address") {
    Network net{settings_with("100.64.0.0/24"), make};
    const auto one = net.out(Udp, ep6(1), kServer).binding->mapped4.address;
    CHECK(net.out(Udp, ep6(2), kServer).verdict == "ok");
    Filter by_client;
    by_client.client = Prefix6{ep6(2).address, 128};
    REQUIRE(net.bindings(by_client).size() == 1);
    CHECK(net.bindings(by_client)[0].client6 == Endpoint6{ep6(2).address, Port{}});
    Filter by_mapped;
    by_mapped.mapped = Prefix4{one, 32};
    REQUIRE(net.bindings(by_mapped).size() == 1);
    CHECK(net.bindings(by_mapped)[0].client6.address == ep6(1).address);
    CHECK(net.bindings(by_mapped)[0].whole_host);
    CHECK(net.bindings(only(Tcp)).size() == 2); // a host is there for every protocol
}

} // namespace nat64::kernel
