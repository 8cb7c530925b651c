// SPDX-License-Identifier: Apache-2.0
// Fragments of the IPv4 side that wait for their first one, packets that are refused once all
// their pieces are there, and the one checksum that may not be written; everything else about
// fragments is in translator_test.cpp.
#include "tests/core/translator_bench.hpp"
#include "tests/support/reassemble.hpp"

#include <chrono>
#include <optional>
#include <ranges>

namespace nat64::test {

namespace {

using namespace std::chrono_literals;

std::vector<Bytes> pass_all(Bench& b, const std::vector<Bytes>& pieces) {
    std::vector<Bytes> out;
    for (const auto& piece : pieces)
        for (auto& sent : b.pass(OwnedPacket{piece}))
            out.push_back(std::move(sent.bytes));
    return out;
}

std::vector<Bytes> backwards(std::vector<Bytes> pieces) {
    std::ranges::reverse(pieces);
    return pieces;
}

} // namespace

TEST_CASE("RFC 6146 §3.4: fragments of the IPv4 side wait for their first one") {
    Bench b;
    b.backend.bind(L4Proto::Udp, client(kClient, 4000), pool(777));
    const auto datagram = ipv4(kServer4, kPool).udp(53, 777).payload(3000);
    const auto pieces = backwards(datagram.in_pieces(1024, 6));
    CHECK(pass_all(b, {pieces.begin(), pieces.end() - 1}).empty());
    CHECK(b.counters.held.value() == 2);
    const auto out = pass_all(b, {pieces.back()});
    CHECK(b.counters.released.value() == 2);
    const auto whole = reassemble(out);
    REQUIRE(whole);
    CHECK(*whole == ipv6(kServer6, kClient).udp(53, 4000).payload(3000).bytes());
    CHECK(b.all_drops() == 0);
}

TEST_CASE("RFC 6146 §4: held fragments of the IPv4 side are given up in time, too") {
    Bench b;
    const auto datagram = ipv4(kServer4, kPool).udp(53, 777).payload(3000);
    CHECK(pass_all(b, {datagram.in_pieces(1024, 6)[1]}).empty());
    CHECK(b.translator.expire(b.now, {}, b.queue) == b.now + 2s);
    b.translator.expire(b.now + 2s, {}, b.queue);
    CHECK(b.drops(DropReason::FragmentTimeout) == 1);
}

TEST_CASE("siblings of a first fragment of the IPv4 side that was refused are dropped") {
    Bench b;
    const auto datagram = ipv4(kServer4, kPool).udp(53, 777).payload(3000);
    CHECK(pass_all(b, backwards(datagram.in_pieces(1024, 6))).empty());
    CHECK(b.drops(DropReason::NoBinding) == 1);
    CHECK(b.drops(DropReason::FragmentRefused) == 2);
    CHECK(pass_all(b, {datagram.in_pieces(1024, 6)[1]}).empty());
    CHECK(b.drops(DropReason::FragmentRefused) == 3);
}

TEST_CASE("a query that is refused when all its fragments are there goes as a whole") {
    Bench b;
    SUBCASE("IPv6 to IPv4") {
        b.backend.refuse_with(Refusal{DropReason::PoolExhausted, {}});
        const auto query = ipv6(kClient, kServer6).echo_request(9).payload(3000);
        CHECK(pass_all(b, query.in_pieces(1024, 6)).empty());
        CHECK(b.drops(DropReason::PoolExhausted) == 1);
    }
    SUBCASE("IPv4 to IPv6") {
        const auto reply = ipv4(kServer4, kPool).echo_reply(777).payload(3000);
        CHECK(pass_all(b, reply.in_pieces(1024, 6)).empty());
        CHECK(b.drops(DropReason::NoBinding) == 1);
    }
    CHECK(b.drops(DropReason::FragmentRefused) == 2);
    CHECK(b.all_drops() == 3);
}

TEST_CASE("no buffer is lost, whatever becomes of the fragments in it") {
    auto settings = lab_settings();
    settings.fragment_buffers = 3;
    Bench b{settings};
    b.backend.bind(L4Proto::Udp, client(kClient, 4000), pool(777));
    b.backend.bind(L4Proto::Icmp, client(kClient, 9), pool(777));
    const auto out = ipv6(kClient, kServer6);
    const auto in = ipv4(kServer4, kPool);
    const auto again = [&](PacketBuilder packet, std::size_t leave, bool refused = false) {
        for (std::uint32_t id = 1; id <= 20; ++id) {
            CAPTURE(id);
            if (refused) b.backend.refuse_with(Refusal{DropReason::PoolExhausted, {}});
            const auto pieces = packet.payload(192).in_pieces(72, id);
            CHECK(pass_all(b, backwards(pieces)).size() == leave);
        }
    };
    SUBCASE("forwarded, from the IPv6 side") {
        again(PacketBuilder{out}.udp(4000, 53), 3);
    }
    SUBCASE("forwarded, from the IPv4 side") {
        again(PacketBuilder{in}.udp(53, 777), 3);
    }
    SUBCASE("collected, from the IPv6 side") {
        again(PacketBuilder{out}.echo_request(9), 3);
        CHECK(b.counters.released.value() == b.counters.held.value());
    }
    SUBCASE("collected, from the IPv4 side") {
        again(PacketBuilder{in}.echo_reply(777), 3);
        CHECK(b.counters.released.value() == b.counters.held.value());
    }
    SUBCASE("refused, from the IPv6 side") {
        again(PacketBuilder{out}.udp(4001, 53), 0, true);
    }
    SUBCASE("refused, from the IPv4 side") {
        again(PacketBuilder{in}.udp(53, 778), 0);
    }
    SUBCASE("collected and refused, from the IPv6 side") {
        again(PacketBuilder{out}.echo_request(9), 0, true);
    }
    SUBCASE("collected and refused, from the IPv4 side") {
        again(PacketBuilder{in}.echo_reply(778), 0);
    }
    SUBCASE("a UDP length that is more than there is") {
        for (std::uint32_t id = 1; id <= 20; ++id) {
            auto pieces =
                PacketBuilder{in}.udp(53, 777).payload(192).checksum(0).in_pieces(72, id);
            put16(pieces[0], 24, 201);
            CHECK(pass_all(b, backwards(pieces)).empty());
        }
        CHECK(b.drops(DropReason::BadTransportHeader) == 20);
    }
    CHECK(b.drops(DropReason::FragmentLimit) == 0);
}

TEST_CASE("a held fragment that makes way is counted at once") {
    auto settings = lab_settings();
    const auto later = [](std::uint32_t id, std::size_t offset = 72) {
        return ipv6(kClient, kServer6).udp(4000, 53).payload(200).piece(offset, 72, id);
    };
    SUBCASE("its buffer is another one's") {
        settings.fragment_buffers = 2;
        Bench b{settings};
        CHECK(b.pass(later(1)).empty());
        CHECK(b.pass(later(2)).empty());
        CHECK(b.pass(later(3)).empty());
        CHECK(b.drops(DropReason::FragmentLimit) == 1);
    }
    SUBCASE("its place is another one's") {
        settings.fragments_held = 8; // 2 for one source
        Bench b{settings};
        CHECK(b.pass(later(1)).empty());
        CHECK(b.pass(later(2)).empty());
        CHECK(b.pass(later(3, 0)).size() == 1);
        CHECK(b.drops(DropReason::FragmentLimit) == 1);
    }
}

TEST_CASE("RFC 791 §2.3: fragments of another protocol are of another packet") {
    Bench b;
    b.backend.bind(L4Proto::Udp, client(kClient, 4000), pool(777));
    const auto udp = ipv4(kServer4, kPool).udp(53, 777).payload(200).in_pieces(104, 6);
    const auto tcp = ipv4(kServer4, kPool).tcp(80, 777).payload(200).in_pieces(104, 6);
    CHECK(pass_all(b, {udp[0]}).size() == 1);
    CHECK(pass_all(b, {tcp[1]}).empty());
    CHECK(b.counters.held.value() == 1);
    CHECK(pass_all(b, {udp[1]}).size() == 1);
}

TEST_CASE("a query may have the identification of the one before it") {
    Bench b;
    b.backend.bind(L4Proto::Icmp, client(kClient, 9), pool(777));
    const auto out = ipv6(kClient, kServer6).echo_request(9).payload(200).in_pieces(104, 6);
    const auto in = ipv4(kServer4, kPool).echo_reply(777).payload(200).in_pieces(104, 6);
    for (int query = 0; query < 3; ++query) {
        CAPTURE(query);
        CHECK(pass_all(b, out).size() == 2);
        CHECK(pass_all(b, in).size() == 2);
    }
}

TEST_CASE("packets that came in full do not cost their source the one that has not") {
    auto settings = lab_settings();
    settings.fragments_held = 64; // 16 for one source
    Bench b{settings};
    b.backend.bind(L4Proto::Udp, client(kClient, 4000), pool(777));
    const auto pieces = [](bool outbound, std::uint32_t id) {
        return outbound ? ipv6(kClient, kServer6).udp(4000, 53).payload(200).in_pieces(104, id)
                        : ipv4(kServer4, kPool).udp(53, 777).payload(200).in_pieces(104, id);
    };
    for (const bool outbound : {false, true}) {
        CAPTURE(outbound);
        CHECK(pass_all(b, {pieces(outbound, 1)[0]}).size() == 1);
        for (std::uint32_t id = 2; id < 22; ++id)
            CHECK(pass_all(b, pieces(outbound, id)).size() == 2);
        CHECK(pass_all(b, {pieces(outbound, 1)[1]}).size() == 1);
    }
}

TEST_CASE("RFC 6936 §3: fragments without checksum from the IPv6 side wait for nothing") {
    Bench b;
    const auto datagram = ipv6(kClient, kServer6).udp(4000, 53).payload(200).checksum(0);
    CHECK(pass_all(b, {datagram.in_pieces(104, 6)[0]}).size() == 1);
    CHECK(b.counters.held.value() == 0);
}

TEST_CASE("RFC 7915 §4.1: a packet that is cut is counted as one") {
    Bench b;
    b.backend.bind(L4Proto::Udp, client(kClient, 4000), pool(777));
    auto large = ipv4(kServer4, kPool).udp(53, 777).payload(1400);
    SUBCASE("whole") {
        CHECK(b.pass(large).size() == 2);
    }
    SUBCASE("a fragment itself") {
        CHECK(b.pass(large.fragment(0, true, 6)).size() == 2);
    }
    CHECK(b.counters.fragmented.value() == 1);
    CHECK(b.counters.emitted.value() == 2);
}

TEST_CASE("a fragmented ICMP error of the IPv4 side is dropped") {
    Bench b;
    const auto quoted = ipv4(kPool, kServer4).udp(777, 53).payload(1200).bytes();
    CHECK(b.pass(ipv4(kServer4, kPool).icmp(3, 3).payload(View{quoted}).piece(0, 512, 4))
              .empty());
    CHECK(b.drops(DropReason::FragmentedIcmpError) == 1);
}

TEST_CASE("RFC 7915 §4.5: no UDP checksum of zero leaves behind a first fragment with one") {
    Bench b;
    b.backend.bind(L4Proto::Udp, client(kClient, 4000), pool(777));
    const auto first = [](PacketBuilder packet) {
        return packet.udp(53, 777).payload(56).fragment(0, true, 6);
    };
    CHECK(b.pass(first(ipv4(kServer4, kPool)).checksum(0)).empty());
    CHECK(b.pass(first(ipv4(kServer4, kPool))).empty());
    CHECK(b.drops(DropReason::FragmentOverlap) == 1);
    CHECK(b.drops(DropReason::FragmentRefused) == 1);
}

TEST_CASE("RFC 768: a checksum of zero that had been left out is written as all ones") {
    Bench b;
    b.backend.bind(L4Proto::Udp, client(kClient, 4000), pool(777));
    Bytes payload(256);
    // With this word the sum over the IPv4 datagram is all ones already.
    const auto missing =
        get16(ipv4(kServer4, kPool).udp(53, 777).payload(View{payload}).bytes(), 26);
    put16(payload, 0, missing);
    const auto datagram = ipv4(kServer4, kPool).udp(53, 777).payload(View{payload}).checksum(0);
    const auto whole = reassemble(pass_all(b, datagram.in_pieces(64, 6)));
    REQUIRE(whole);
    CHECK(check_packet(*whole) == "");
    CHECK(get16(*whole, 46) != 0);
}

} // namespace nat64::test
