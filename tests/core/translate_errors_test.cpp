// SPDX-License-Identifier: Apache-2.0
// ICMP errors of the IPv6 side that come to nothing; those that pass, and those of the IPv4
// side, are in translator_test.cpp.
#include "tests/core/translator_bench.hpp"

#include <memory>
#include <span>

namespace nat64::test {

namespace {

/// The client says that its port is unreachable.
PacketBuilder error_about(const Bytes& quoted) {
    return ipv6(kClient, kServer6).icmp(1, 4).payload(View{quoted});
}

Bytes datagram() {
    return ipv6(kServer6, kClient).udp(53, 4000).payload(20).bytes();
}

} // namespace

TEST_CASE("ICMP errors of the IPv6 side that quote nothing of use are dropped") {
    struct Case {
        const char* what;
        Bytes quoted;
        DropReason reason;
    };

    auto cut = datagram();
    cut.resize(44);
    const Case cases[] = {
        {"nothing", {}, DropReason::BadQuotedPacket},
        {"cut before the ports", cut, DropReason::BadQuotedPacket},
        {"another family",
         ipv4(kServer4, kPool).udp(1, 2).payload(8).bytes(),
         DropReason::BadQuotedPacket},
        {"a protocol that is not translated",
         ipv6(kServer6, kClient).protocol(132).payload(20).bytes(),
         DropReason::BadQuotedPacket},
        {"not from the address the error goes to",
         ipv6("64:ff9b::203.0.113.6", kClient).udp(53, 4000).payload(20).bytes(),
         DropReason::BadQuotedPacket},
        {"an ICMP error",
         ipv6(kServer6, kClient).icmp(1, 4).payload(48).bytes(),
         DropReason::QuotedIcmpError},
        {"no binding",
         ipv6(kServer6, kClient).udp(53, 4001).payload(20).bytes(),
         DropReason::NoBinding},
    };
    for (const auto& c : cases) {
        CAPTURE(std::string{c.what});
        Bench b;
        b.backend.bind(L4Proto::Udp, client(kClient, 4000), pool(777));
        CHECK(b.pass(error_about(c.quoted)).empty());
        CHECK(b.drops(c.reason) == 1);
        CHECK(b.all_drops() == 1);
    }
}

TEST_CASE("an ICMP error of the IPv4 side about a protocol that is not translated is dropped") {
    Bench b;
    const auto quoted = ipv4(kPool, kServer4).protocol(132).payload(20).bytes();
    CHECK(b.pass(ipv4(kServer4, kPool).icmp(3, 3).payload(View{quoted})).empty());
    CHECK(b.drops(DropReason::BadQuotedPacket) == 1);
}

TEST_CASE("RFC 7915 §4.2, §5.2: an error about ICMP that is not translated is dropped") {
    Bench b;
    // What is no query has no identifier, which is not the same as identifier 0.
    b.backend.bind(L4Proto::Icmp, client(kClient, 0), pool(0));
    SUBCASE("IPv6 to IPv4: Neighbor Solicitation") {
        const auto quoted = ipv6(kServer6, kClient).icmp(135, 0).payload(20).bytes();
        CHECK(b.pass(error_about(quoted)).empty());
    }
    SUBCASE("IPv6 to IPv4: Redirect") {
        const auto quoted = ipv6(kServer6, kClient).icmp(137, 0).payload(32).bytes();
        CHECK(b.pass(error_about(quoted)).empty());
    }
    SUBCASE("IPv4 to IPv6: Timestamp") {
        const auto quoted = ipv4(kPool, kServer4).icmp(13, 0).payload(12).bytes();
        CHECK(b.pass(ipv4(kServer4, kPool).icmp(3, 1).payload(View{quoted})).empty());
    }
    CHECK(b.drops(DropReason::BadQuotedPacket) == 1);
    CHECK(b.all_drops() == 1);
}

TEST_CASE("a translated error is counted as ICMP of its direction") {
    Bench b;
    b.backend.bind(L4Proto::Udp, client(kClient, 4000), pool(777));
    const auto counted = [&](Direction direction) -> const auto& {
        return b.counters.translated[static_cast<std::size_t>(direction)]
                                    [static_cast<std::size_t>(L4Proto::Icmp)];
    };
    const auto out = error_about(datagram());
    REQUIRE(b.pass(out).size() == 1);
    CHECK(counted(Direction::Outbound).packets.value() == 1);
    CHECK(counted(Direction::Outbound).bytes.value() == out.bytes().size());
    CHECK(b.counters.emitted.value() == 1);
    const auto quoted = ipv4(kPool, kServer4).udp(777, 53).payload(20).bytes();
    const auto in = ipv4(kServer4, kPool).icmp(3, 3).payload(View{quoted});
    REQUIRE(b.pass(in).size() == 1);
    CHECK(counted(Direction::Inbound).packets.value() == 1);
    CHECK(counted(Direction::Inbound).bytes.value() == in.bytes().size());
    CHECK(b.counters.emitted.value() == 2);
}

TEST_CASE("RFC 6791: routers may be numbered from link-local addresses and class E") {
    const auto quoted = ipv4(kPool, kServer4).udp(777, 53).payload(20).bytes();
    const auto error = [&](const char* router) {
        Bench b;
        b.backend.bind(L4Proto::Udp, client(kClient, 4000), pool(777));
        const auto sent = b.pass(ipv4(router, kPool).icmp(3, 4, 1400).payload(View{quoted}));
        CHECK(b.drops(DropReason::IllegalSource) == (sent.empty() ? 1 : 0));
        return line(sent);
    };
    // They come from the gateway.
    CHECK(has(error("169.254.10.1"), "IPv6 64:ff9b::c000:2fe > 2001:db8:1::10"));
    CHECK(has(error("240.0.4.7"), "IPv6 64:ff9b::c000:2fe > 2001:db8:1::10"));
    for (const auto* nobody : {"0.0.0.0", "127.0.0.1", "224.0.0.5", "255.255.255.255"}) {
        CAPTURE(std::string{nobody});
        CHECK(error(nobody).empty());
    }
    // Of anything else they are no sources.
    for (const auto* host : {"169.254.10.1", "240.0.4.7"}) {
        Bench b;
        b.backend.bind(L4Proto::Udp, client(kClient, 4000), pool(777));
        CHECK(b.pass(ipv4(host, kPool).udp(53, 777)).empty());
        CHECK(b.drops(DropReason::IllegalSource) == 1);
    }
}

TEST_CASE("policy: no ICMP error reaches whom its sender may not talk to") {
    Bench b;
    b.backend.bind(L4Proto::Udp, client(kClient, 4000), pool(777));
    PolicySettings settings;
    SUBCASE("destinations.deny") {
        settings.destinations_deny = {{*Prefix4::parse("203.0.113.0/24"), {}}};
        b.backend.exchange_policy(
            std::make_shared<const Policy>(settings, std::span<Ipv4Addr>{}));
        CHECK(b.pass(error_about(datagram())).empty());
        CHECK(b.drops(DropReason::DestinationDenied) == 1);
    }
    SUBCASE("clients.deny") {
        settings.clients_deny = {*Prefix6::parse("2001:db8:1::/64")};
        b.backend.exchange_policy(
            std::make_shared<const Policy>(settings, std::span<Ipv4Addr>{}));
        CHECK(b.pass(error_about(datagram())).empty());
        CHECK(b.drops(DropReason::ClientDenied) == 1);
    }
    SUBCASE("the machine itself may be told") {
        const std::vector<Ipv4Addr> own{*Ipv4Addr::parse(kServer4)};
        b.backend.exchange_policy(std::make_shared<const Policy>(settings, own));
        CHECK(b.pass(error_about(datagram())).size() == 1);
    }
}

} // namespace nat64::test
