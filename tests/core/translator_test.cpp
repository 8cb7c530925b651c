// SPDX-License-Identifier: Apache-2.0
// The translator as a whole above a fake backend: which packets become flows, what is refused
// and answered, which way errors, fragments and hairpins go. What a rewritten packet looks like
// in detail is tests/core/rfc7915; here each emitted packet is checked for being right in
// itself.
#include "core/rfc6052.hpp"
#include "tests/core/translator_bench.hpp"
#include "tests/support/reassemble.hpp"

#include <algorithm>
#include <chrono>

#include <doctest/doctest.h>

namespace nat64::test {

namespace {

using namespace std::chrono_literals;

} // namespace

TEST_CASE("RFC 6146 §3.4: an IPv6 packet becomes the flow of its transport addresses") {
    Bench b;
    const auto sent = b.pass(ipv6(kClient, kServer6).udp(4000, 53).payload(20));
    REQUIRE(sent.size() == 1);
    INFO(line(sent));
    CHECK_MESSAGE(has(line(sent), "IPv4 192.0.2.1 > 203.0.113.5"), line(sent));
    CHECK_MESSAGE(has(line(sent), "UDP 40000 > 53"), line(sent));
    REQUIRE(b.backend.outbound.size() == 1);
    const auto& flow = b.backend.outbound[0];
    CHECK(flow.client6 == client(kClient, 4000));
    CHECK(flow.server4.to_string() == "203.0.113.5:53");
    CHECK(flow.protocol == L4Proto::Udp);
    CHECK(flow.bytes == 40 + 8 + 20);
    CHECK(b.backend.prepared == 1);
}

TEST_CASE("RFC 6146 §3.6: the answer goes back to the client that the binding names") {
    Bench b;
    b.backend.bind(L4Proto::Tcp, client(kClient, 5555), pool(777));
    const auto sent = b.pass(ipv4(kServer4, kPool).tcp(80, 777, 0x12).payload(3));
    REQUIRE(sent.size() == 1);
    CHECK_MESSAGE(has(line(sent), "IPv6 64:ff9b::cb00:7105 > 2001:db8:1::10"), line(sent));
    CHECK_MESSAGE(has(line(sent), "TCP 80 > 5555"), line(sent));
    CHECK(b.backend.inbound.at(0).tcp.syn());
}

TEST_CASE("RFC 6146 §3.5.3: the identifier of an ICMP query stands for both ports") {
    Bench b;
    const auto out = b.pass(ipv6(kClient, kServer6).echo_request(9).payload(56));
    REQUIRE(out.size() == 1);
    CHECK(b.backend.outbound.at(0).client6.port == Port{9});
    CHECK(b.backend.outbound.at(0).server4.port == Port{9});
    const auto back = b.pass(ipv4(kServer4, kPool).echo_reply(40000).payload(56));
    REQUIRE(back.size() == 1);
    // identifier 9 again, and the ICMPv6 type of a reply
    const auto expected = ipv6(kServer6, kClient).echo_reply(9).payload(56).bytes();
    CHECK(back[0].bytes == expected);
}

TEST_CASE("RFC 6146 §3.5: packets that may not be translated are counted and not answered") {
    struct Case {
        const char* what;
        PacketBuilder packet;
        DropReason reason;
    };

    const Case cases[] = {
        {"source inside the prefix",
         ipv6("64:ff9b::198.51.100.1", kServer6).udp(1, 2),
         DropReason::SourceInPrefix},
        {"destination outside the prefix",
         ipv6(kClient, "2001:db8:2::1").udp(1, 2),
         DropReason::NotInPrefix},
        {"not for us, whatever its source: the kernel's MLD reports",
         ipv6("::", "ff02::16").udp(1, 2),
         DropReason::NotInPrefix},
        {"multicast source", ipv6("ff02::1", kServer6).udp(1, 2), DropReason::IllegalSource},
        {"link-local source", ipv6("fe80::1", kServer6).udp(1, 2), DropReason::IllegalSource},
        {"unspecified source", ipv6("::", kServer6).udp(1, 2), DropReason::IllegalSource},
        {"IPv4 destination outside the pool",
         ipv4(kServer4, "192.0.2.77").udp(1, 2),
         DropReason::NotInPool},
        {"IPv4 loopback source", ipv4("127.0.0.1", kPool).udp(1, 2), DropReason::IllegalSource},
        {"IPv4 multicast source",
         ipv4("224.0.0.5", kPool).udp(1, 2),
         DropReason::IllegalSource},
        {"no binding", ipv4(kServer4, kPool).udp(1, 2), DropReason::NoBinding},
        {"unknown ICMPv6 type",
         ipv6(kClient, kServer6).icmp(133, 0),
         DropReason::UnknownIcmpType},
    };
    for (const auto& c : cases) {
        CAPTURE(std::string{c.what});
        Bench b;
        CHECK(b.pass(c.packet).empty());
        CHECK(b.drops(c.reason) == 1);
        CHECK(b.all_drops() == 1);
    }
}

TEST_CASE("RFC 6052 §3.1: the well-known prefix does not reach non-global IPv4 addresses") {
    auto settings = lab_settings();
    settings.wkp_strict = true;
    for (const char* server : {"64:ff9b::10.0.0.1",
                               "64:ff9b::192.168.1.1",
                               "64:ff9b::100.64.0.1",
                               "64:ff9b::203.0.113.1"}) {
        CAPTURE(std::string{server});
        Bench b{settings};
        const auto sent = b.pass(ipv6(kClient, server).udp(1, 2));
        CHECK(b.drops(DropReason::NonGlobalIpv4) == 1);
        REQUIRE(sent.size() == 1); // administratively prohibited
        CHECK_MESSAGE(has(line(sent), "ICMP type 1 code 1"), line(sent));
    }
    Bench b{settings};
    CHECK(b.pass(ipv6(kClient, "64:ff9b::8.8.8.8").udp(1, 2)).size() == 1);
    CHECK(b.all_drops() == 0);
}

TEST_CASE("RFC 6052 §3.1: a network-specific prefix has no such rule") {
    auto settings = lab_settings();
    settings.wkp_strict = true;
    settings.prefix =
        rfc6052::Nat64Prefix::from(Prefix6::parse("2001:db8:64::/96").value()).value();
    Bench b{settings};
    CHECK(b.pass(ipv6(kClient, "2001:db8:64::10.0.0.1").udp(1, 2)).size() == 1);
}

TEST_CASE("a refused flow is answered by the backend's choice and counted once") {
    Bench b;
    b.backend.refuse_with(Refusal{DropReason::PoolExhausted, kAddressUnreachable6});
    const auto sent = b.pass(ipv6(kClient, kServer6).udp(4000, 53).payload(20));
    REQUIRE(sent.size() == 1);
    // from the gateway under the prefix
    CHECK_MESSAGE(has(line(sent), "IPv6 64:ff9b::c000:2fe > 2001:db8:1::10"), line(sent));
    CHECK_MESSAGE(has(line(sent), "ICMP type 1 code 3"), line(sent));
    CHECK(b.drops(DropReason::PoolExhausted) == 1);
    CHECK(b.counters.icmp_errors_sent.value() == 1);
}

TEST_CASE("a packet that the backend keeps is neither sent nor dropped") {
    Bench b;
    b.backend.refuse_with(Held{});
    CHECK(b.pass(ipv4(kServer4, kPool).tcp(80, 777, 0x02)).empty());
    CHECK(b.counters.held.value() == 1);
    CHECK(b.all_drops() == 0);
}

TEST_CASE("RFC 6146 §3.8: a packet to a pool address goes round to the other client") {
    Bench b;
    b.backend.bind(L4Proto::Udp, client(kClient2, 7000), pool(4242));
    const auto sent = b.pass(ipv6(kClient, kPool6).hop_limit(9).udp(5000, 4242).payload(10));
    REQUIRE(sent.size() == 1);
    CHECK_MESSAGE(has(line(sent), "IPv6 64:ff9b::c000:201 > 2001:db8:1::20 hl 9"), line(sent));
    CHECK_MESSAGE(has(line(sent), "UDP 40000 > 7000"), line(sent));
    CHECK(b.counters.hairpinned.value() == 1);
    CHECK(b.counters.emitted.value() == 1);
}

TEST_CASE("RFC 6146 §3.8: a hairpin counts one hop where the translator counts hops") {
    auto settings = lab_settings();
    settings.rfc7915.hop_policy = rfc7915::HopPolicy::Decrement;
    Bench b{settings};
    b.backend.bind(L4Proto::Udp, client(kClient2, 7000), pool(4242));
    const auto sent = b.pass(ipv6(kClient, kPool6).hop_limit(2).udp(5000, 4242).payload(10));
    REQUIRE(sent.size() == 1);
    CHECK_MESSAGE(has(line(sent), "hl 1 "), line(sent));
}

TEST_CASE("RFC 6146 §3.8: ICMP errors go round too") {
    Bench b;
    b.backend.bind(L4Proto::Udp, client(kClient, 5000), pool(40000));
    b.backend.bind(L4Proto::Udp, client(kClient2, 7000), pool(4242));
    // Client 2 refuses a datagram that client 1 sent to it by way of the pool.
    const auto quoted = ipv6(kPool6, kClient2).udp(40000, 7000).payload(10).bytes();
    const auto sent = b.pass(ipv6(kClient2, kPool6).icmp(1, 4).payload(View{quoted}));
    REQUIRE(sent.size() == 1);
    CHECK_MESSAGE(has(line(sent), "> 2001:db8:1::10"), line(sent));
    CHECK_MESSAGE(has(line(sent), "ICMP type 1 code 4"), line(sent));
    CHECK(b.counters.hairpinned.value() == 1);
}

TEST_CASE("RFC 6146 §3.5: an ICMP error follows the packet it quotes and creates nothing") {
    Bench b;
    b.backend.bind(L4Proto::Udp, client(kClient, 4000), pool(777));
    SUBCASE("inbound: the server's port is unreachable") {
        const auto quoted = ipv4(kPool, kServer4).udp(777, 53).payload(20).bytes();
        const auto sent = b.pass(ipv4(kServer4, kPool).icmp(3, 3).payload(View{quoted}));
        REQUIRE(sent.size() == 1);
        const auto inner = ipv6(kClient, kServer6).udp(4000, 53).payload(20).bytes();
        const auto expected = ipv6(kServer6, kClient).icmp(1, 4).payload(View{inner}).bytes();
        CHECK(describe(sent[0].bytes) == describe(expected));
    }
    SUBCASE("outbound: the client's port is unreachable") {
        const auto quoted = ipv6(kServer6, kClient).udp(53, 4000).payload(20).bytes();
        const auto sent = b.pass(ipv6(kClient, kServer6).icmp(1, 4).payload(View{quoted}));
        REQUIRE(sent.size() == 1);
        CHECK_MESSAGE(has(line(sent), "IPv4 192.0.2.1 > 203.0.113.5"), line(sent));
        CHECK_MESSAGE(has(line(sent), "ICMP type 3 code 3"), line(sent));
    }
    CHECK(b.backend.outbound.empty());
    CHECK(b.backend.inbound.empty());
}

TEST_CASE("CHOICE RFC 6146 §3.6.1: traceroute shows the routers of the IPv4 side") {
    Bench b;
    b.backend.bind(L4Proto::Udp, client(kClient, 4000), pool(777));
    const auto quoted = ipv4(kPool, kServer4).udp(777, 33434).payload(20).bytes();
    const auto sent = b.pass(ipv4("198.51.100.1", kPool).icmp(11, 0).payload(View{quoted}));
    REQUIRE(sent.size() == 1);
    CHECK_MESSAGE(has(line(sent), "IPv6 64:ff9b::c633:6401 > 2001:db8:1::10"), line(sent));
}

TEST_CASE("RFC 6791: an error of a router that the prefix may not represent comes from the "
          "gateway") {
    auto settings = lab_settings();
    settings.wkp_strict = true;
    const auto quoted = ipv4(kPool, "8.8.8.8").udp(777, 33434).payload(20).bytes();
    const auto error = ipv4("10.1.2.3", kPool).icmp(11, 0).payload(View{quoted});
    SUBCASE("with a global gateway address: under the prefix") {
        settings.gateway4 = Ipv4Addr{8, 8, 4, 4};
        Bench b{settings};
        b.backend.bind(L4Proto::Udp, client(kClient, 4000), pool(777));
        CHECK(has(line(b.pass(error)), "IPv6 64:ff9b::808:404 >"));
    }
    SUBCASE("else the machine's IPv6 address") {
        settings.gateway6 = Ipv6Addr::parse("2001:db8::1");
        Bench b{settings};
        b.backend.bind(L4Proto::Udp, client(kClient, 4000), pool(777));
        CHECK(has(line(b.pass(error)), "IPv6 2001:db8::1 >"));
    }
    SUBCASE("else the server itself") {
        Bench b{settings};
        b.backend.bind(L4Proto::Udp, client(kClient, 4000), pool(777));
        CHECK(has(line(b.pass(error)), "IPv6 64:ff9b::808:808 >"));
    }
}

TEST_CASE("ICMP errors that quote nothing of use are dropped") {
    struct Case {
        const char* what;
        Bytes quoted;
        DropReason reason;
    };

    auto cut = ipv4(kPool, kServer4).udp(777, 53).payload(20).bytes();
    cut.resize(24);
    const Case cases[] = {
        {"nothing", {}, DropReason::BadQuotedPacket},
        {"cut before the ports", cut, DropReason::BadQuotedPacket},
        {"another family",
         ipv6(kClient, kServer6).udp(1, 2).payload(8).bytes(),
         DropReason::BadQuotedPacket},
        {"not from the address the error goes to",
         ipv4("192.0.2.9", kServer4).udp(777, 53).payload(20).bytes(),
         DropReason::BadQuotedPacket},
        {"a later fragment",
         ipv4(kPool, kServer4).udp(777, 53).payload(64).piece(16, 32, 7).bytes(),
         DropReason::BadQuotedPacket},
        {"an ICMP error",
         ipv4(kPool, kServer4).icmp(3, 3).payload(28).bytes(),
         DropReason::QuotedIcmpError},
        {"no binding",
         ipv4(kPool, kServer4).udp(778, 53).payload(20).bytes(),
         DropReason::NoBinding},
    };
    for (const auto& c : cases) {
        CAPTURE(std::string{c.what});
        Bench b;
        b.backend.bind(L4Proto::Udp, client(kClient, 4000), pool(777));
        CHECK(b.pass(ipv4(kServer4, kPool).icmp(3, 3).payload(View{c.quoted})).empty());
        CHECK(b.drops(c.reason) == 1);
    }
}

TEST_CASE("RFC 6146 §3.4: fragments are translated whatever order they come in") {
    const auto whole = ipv6(kClient, kServer6).udp(4000, 53).payload(3000);
    auto order = std::vector<std::size_t>{0, 1, 2};
    do {
        Bench b;
        const auto pieces = whole.in_pieces(1024, 0x12345678);
        REQUIRE(pieces.size() == 3);
        std::vector<Bytes> out;
        for (auto i : order)
            for (auto& s : b.pass(OwnedPacket{pieces[i]}))
                out.push_back(s.bytes);
        REQUIRE(out.size() == 3);
        const auto back = reassemble(out);
        REQUIRE(back);
        CHECK(check_packet(*back) == "");
        CHECK(has(describe(*back), "UDP 40000 > 53 len 3008"));
        CHECK(b.counters.held.value() == b.counters.released.value());
        CHECK(b.all_drops() == 0);
        // Nothing is left in two seconds, and nothing is lost with it.
        CHECK(b.translator.expire(b.now + 2s, {}, b.queue) == Clock::time_point::max());
        CHECK(b.all_drops() == 0);
    } while (std::ranges::next_permutation(order).found);
}

TEST_CASE("RFC 7915 §4.5: a fragmented UDP datagram without checksum gets one") {
    Bench b;
    b.backend.bind(L4Proto::Udp, client(kClient, 4000), pool(777));
    const auto whole = ipv4(kServer4, kPool).udp(53, 777).payload(2501).checksum(0);
    auto pieces = whole.in_pieces(1000, 99);
    std::ranges::reverse(pieces);
    std::vector<Bytes> out;
    for (const auto& piece : pieces)
        for (auto& s : b.pass(OwnedPacket{piece}))
            out.push_back(s.bytes);
    const auto back = reassemble(out);
    REQUIRE(back);
    CHECK(check_packet(*back) == "");
    CHECK(*back == ipv6(kServer6, kClient).udp(53, 4000).payload(2501).bytes());
}

TEST_CASE("RFC 6146 §3.4: a fragmented ICMP query passes in both directions") {
    Bench b;
    for (const bool reversed : {false, true}) {
        auto pieces = ipv6(kClient, kServer6).echo_request(9).payload(3000).in_pieces(1200, 5);
        if (reversed) std::ranges::reverse(pieces);
        std::vector<Bytes> out;
        for (const auto& piece : pieces)
            for (auto& s : b.pass(OwnedPacket{piece}))
                out.push_back(s.bytes);
        const auto there = reassemble(out);
        REQUIRE(there);
        CHECK(check_packet(*there) == "");
        CHECK(has(describe(*there), "IPv4 192.0.2.1 > 203.0.113.5"));

        auto answer = ipv4(kServer4, kPool).echo_reply(40000).payload(3000).in_pieces(1480, 77);
        if (reversed) std::ranges::reverse(answer);
        out.clear();
        for (const auto& piece : answer)
            for (auto& s : b.pass(OwnedPacket{piece}))
                out.push_back(s.bytes);
        const auto back = reassemble(out);
        REQUIRE(back);
        CHECK(*back == ipv6(kServer6, kClient).echo_reply(9).payload(3000).bytes());
    }
    CHECK(b.all_drops() == 0);
}

TEST_CASE("RFC 6146 §3.8: fragments are hairpinned, in any order") {
    for (const bool reversed : {false, true}) {
        Bench b;
        b.backend.bind(L4Proto::Udp, client(kClient2, 7000), pool(4242));
        auto pieces = ipv6(kClient, kPool6).udp(5000, 4242).payload(2000).in_pieces(1024, 6);
        if (reversed) std::ranges::reverse(pieces);
        std::vector<Bytes> out;
        for (const auto& piece : pieces)
            for (auto& s : b.pass(OwnedPacket{piece}))
                out.push_back(s.bytes);
        const auto back = reassemble(out);
        REQUIRE(back);
        CHECK(*back == ipv6(kPool6, kClient2).udp(40000, 7000).payload(2000).bytes());
    }
}

TEST_CASE("RFC 6146 §4: held fragments are given up after FRAGMENT_MIN, not before") {
    Bench b;
    const auto pieces = ipv6(kClient, kServer6).udp(1, 2).payload(3000).in_pieces(1024, 1);
    CHECK(b.pass(OwnedPacket{pieces[1]}).empty());
    CHECK(b.pass(OwnedPacket{pieces[2]}).empty());
    CHECK(b.translator.expire(b.now + 1999ms, {}, b.queue) == b.now + 2s);
    CHECK(b.drops(DropReason::FragmentTimeout) == 0);
    b.translator.expire(b.now + 2s, {}, b.queue);
    CHECK(b.drops(DropReason::FragmentTimeout) == 2);
}

TEST_CASE("RFC 5722: overlapping fragments give up the whole packet") {
    Bench b;
    const auto whole = ipv6(kClient, kServer6).echo_request(9).payload(3000);
    CHECK(b.pass(PacketBuilder{whole}.piece(0, 1024, 3)).empty());
    CHECK(b.pass(ipv6(kClient, kServer6).echo_request(9).payload(3000).piece(1016, 1024, 3))
              .empty());
    CHECK(b.drops(DropReason::FragmentOverlap) == 1);
    CHECK(b.drops(DropReason::FragmentRefused) == 1);
    CHECK(b.pass(ipv6(kClient, kServer6).echo_request(9).payload(3000).piece(2040, 968, 3))
              .empty());
    CHECK(b.drops(DropReason::FragmentRefused) == 2);
}

TEST_CASE("RFC 5722 §4: a duplicate of a held fragment is dropped alone") {
    Bench b;
    const auto pieces =
        ipv6(kClient, kServer6).echo_request(9).payload(2000).in_pieces(1024, 3);
    CHECK(b.pass(OwnedPacket{pieces[1]}).empty());
    CHECK(b.pass(OwnedPacket{pieces[1]}).empty());
    CHECK(b.drops(DropReason::FragmentDuplicate) == 1);
    CHECK(b.pass(OwnedPacket{pieces[0]}).size() == 2);
}

TEST_CASE("RFC 1858: a fragment that reaches into the TCP header is dropped") {
    Bench b;
    const auto whole = ipv6(kClient, kServer6).tcp(1, 2, 0x02).payload(100);
    CHECK(b.pass(PacketBuilder{whole}.piece(8, 112, 3)).empty());
    CHECK(b.pass(PacketBuilder{whole}.piece(16, 104, 3)).empty());
    CHECK(b.drops(DropReason::FragmentOverlap) == 2);
}

TEST_CASE("siblings of a first fragment that was refused are dropped") {
    Bench b;
    const auto pieces = ipv6(kClient, kServer6).udp(1, 2).payload(3000).in_pieces(1024, 1);
    CHECK(b.pass(OwnedPacket{pieces[1]}).empty());
    b.backend.refuse_with(Refusal{DropReason::PoolExhausted, {}});
    CHECK(b.pass(OwnedPacket{pieces[0]}).empty());
    CHECK(b.pass(OwnedPacket{pieces[2]}).empty());
    CHECK(b.drops(DropReason::FragmentRefused) == 2);
}

TEST_CASE("RFC 4787 REQ-14: held fragments are bounded in memory, and the oldest makes way") {
    auto settings = lab_settings();
    settings.fragments_held = 64;
    settings.fragment_buffers = 32;
    Bench b{settings};
    for (std::uint32_t id = 0; id < 500; ++id)
        b.pass(ipv6(kClient, kServer6).udp(1, 2).payload(2000).piece(1024, 512, id));
    CHECK(b.counters.held.value() + b.drops(DropReason::FragmentLimit) >= 500);
    CHECK(b.drops(DropReason::FragmentLimit) >= 500 - 32);
    // Whoever comes now in the wrong order still gets through.
    const auto pieces = ipv6(kClient2, kServer6).udp(1, 2).payload(1500).in_pieces(1024, 9999);
    CHECK(b.pass(OwnedPacket{pieces[1]}).empty());
    CHECK(b.pass(OwnedPacket{pieces[0]}).size() == 2);
    for (int i = 0; i < 4; ++i)
        b.translator.expire(b.now + 2s, {}, b.queue);
    CHECK(b.all_drops() == 500);
}

TEST_CASE("a flood of fragments from the IPv4 side leaves the IPv6 side its own") {
    auto settings = lab_settings();
    settings.fragments_held = 64;
    settings.fragment_buffers = 32;
    Bench b{settings};
    const auto pieces = ipv6(kClient, kServer6).udp(1, 2).payload(1500).in_pieces(1024, 9999);
    CHECK(b.pass(OwnedPacket{pieces[1]}).empty());
    for (std::uint32_t id = 0; id < 500; ++id)
        b.pass(ipv4(kServer4, kPool).udp(1, 2).payload(2000).piece(1024, 512, id));
    CHECK(b.pass(OwnedPacket{pieces[0]}).size() == 2);
}

TEST_CASE("a duplicate does not make a packet in fragments complete before its time") {
    Bench b;
    // 1232 + 1232 + 44 bytes: the first piece twice adds up to the whole.
    const auto pieces = ipv6(kClient, kServer6).udp(1, 2).payload(2500).in_pieces(1232, 7);
    REQUIRE(pieces.size() == 3);
    CHECK(b.pass(OwnedPacket{pieces[0]}).size() == 1);
    CHECK(b.pass(OwnedPacket{pieces[0]}).size() == 1);
    CHECK(b.pass(OwnedPacket{pieces[2]}).size() == 1);
    CHECK(b.pass(OwnedPacket{pieces[1]}).size() == 1);
}

TEST_CASE("RFC 7915 §4.5: a fragmented UDP checksum covers what the UDP length says") {
    Bench b;
    b.backend.bind(L4Proto::Udp, client(kClient, 4000), pool(777));
    const auto send = [&](unsigned udp_length) {
        auto pieces =
            ipv4(kServer4, kPool).udp(53, 777).payload(200).checksum(0).in_pieces(64, 9);
        pieces[0][24] = std::byte{static_cast<std::uint8_t>(udp_length >> 8)};
        pieces[0][25] = std::byte{static_cast<std::uint8_t>(udp_length)};
        std::vector<Bytes> out;
        for (const auto& piece : pieces) {
            b.queue.push(OwnedPacket{piece});
            b.translator.handle(b.queue.batch(), b.now, b.queue);
            for (auto& s : b.queue.take())
                out.push_back(s.bytes);
        }
        return reassemble(out);
    };
    SUBCASE("a surplus area behind the datagram is not summed (RFC 9868)") {
        const auto whole = send(8 + 150);
        REQUIRE(whole);
        // The datagram alone, as its receiver sees it.
        const auto datagram = ipv6(kServer6, kClient).udp(53, 4000).payload(150).bytes();
        CHECK(
            std::ranges::equal(View{*whole}.subspan(40, 8 + 150), View{datagram}.subspan(40)));
    }
    SUBCASE("more than there is") {
        CHECK_FALSE(send(8 + 201));
        CHECK(b.drops(DropReason::BadTransportHeader) == 1);
        CHECK(b.all_drops() >= 4);
    }
}

TEST_CASE("RFC 7915 §4.5: no UDP checksum of zero leaves by way of a second first fragment") {
    Bench b;
    b.backend.bind(L4Proto::Udp, client(kClient, 4000), pool(777));
    CHECK(b.pass(ipv4(kServer4, kPool).udp(53, 777).payload(200).piece(0, 64, 5)).size() == 1);
    CHECK(b.pass(ipv4(kServer4, kPool).udp(53, 777).payload(200).checksum(0).piece(0, 64, 5))
              .empty());
    CHECK(b.drops(DropReason::FragmentOverlap) == 1);
}

TEST_CASE("a fragmented ICMP error is dropped") {
    Bench b;
    const auto quoted = ipv6(kServer6, kClient).udp(53, 4000).payload(1200).bytes();
    CHECK(b.pass(ipv6(kClient, kServer6).icmp(1, 4).payload(View{quoted}).piece(0, 512, 4))
              .empty());
    CHECK(b.drops(DropReason::FragmentedIcmpError) == 1);
}

TEST_CASE("packets of a batch leave in the order they came") {
    Bench b;
    for (unsigned i = 0; i < 20; ++i)
        b.queue.push(ipv6(kClient, kServer6).udp(4000, 100 + i).payload(8).packet());
    b.translator.handle(b.queue.batch(), b.now, b.queue);
    const auto sent = b.queue.take();
    REQUIRE(sent.size() == 20);
    for (unsigned i = 0; i < 20; ++i)
        CHECK(has(describe(sent[i].bytes), "40000 > " + std::to_string(100 + i)));
    CHECK(b.counters.received.value() == 20);
}

TEST_CASE("RFC 6146 §3.5.2.2: the probe of an idle session goes to the client") {
    Bench b;
    b.backend.on_expire = [](Originator& originator) {
        originator.tcp_probe(client(kClient, 5000), {Ipv4Addr{203, 0, 113, 5}, Port{80}});
    };
    b.translator.expire(b.now, {}, b.queue);
    const auto sent = b.queue.take();
    REQUIRE(sent.size() == 1);
    CHECK(check_packet(sent[0].bytes) == "");
    CHECK_MESSAGE(has(line(sent), "IPv6 64:ff9b::cb00:7105 > 2001:db8:1::10"), line(sent));
    CHECK_MESSAGE(has(line(sent), "TCP 80 > 5000"), line(sent));
    CHECK(b.counters.tcp_probes.value() == 1);
}

TEST_CASE("RFC 6146 §3.5.2.2: a stored SYN that expires is answered with Port Unreachable") {
    Bench b;
    b.backend.on_expire = [](Originator& originator) {
        auto syn = ipv4(kServer4, kPool).tcp(80, 777, 0x02).packet();
        originator.syn_expired(syn.buffer());
    };
    b.translator.expire(b.now, {}, b.queue);
    const auto sent = b.queue.take();
    REQUIRE(sent.size() == 1);
    CHECK_MESSAGE(has(line(sent), "IPv4 192.0.2.254 > 203.0.113.5"), line(sent));
    CHECK_MESSAGE(has(line(sent), "ICMP type 3 code 3"), line(sent));
    CHECK(b.drops(DropReason::SynExpired) == 1);
}

TEST_CASE("every cut of a packet is counted, none crashes") {
    const Bytes packets[] = {
        ipv6(kClient, kServer6).tcp(1, 2, 0x02).payload(10).bytes(),
        ipv4(kServer4, kPool).tcp(1, 2, 0x02).payload(10).bytes(),
        ipv6(kClient, kServer6).extension(60).routing(0).udp(1, 2).payload(9).bytes(),
    };
    for (const auto& whole : packets)
        for (std::size_t size = 0; size < whole.size(); ++size) {
            Bench b;
            CHECK(b.pass(OwnedPacket{View{whole}.first(size)}).empty());
            CHECK(b.all_drops() == 1);
        }
}

} // namespace nat64::test
