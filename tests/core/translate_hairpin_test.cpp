// SPDX-License-Identifier: Apache-2.0
// Hairpins whose second half is not that of a whole packet that simply passes: what is refused
// on the way back, and where the hop counts; everything else about them is in
// translator_test.cpp.
#include "tests/core/translator_bench.hpp"

#include <doctest/doctest.h>

namespace nat64::test {

namespace {

TranslatorSettings counting_hops() {
    auto settings = lab_settings();
    settings.rfc7915.hop_policy = rfc7915::HopPolicy::Decrement;
    return settings;
}

} // namespace

TEST_CASE("RFC 6146 §3.8: what is too big for the second client is told to the first") {
    auto settings = lab_settings();
    settings.rfc7915.ipv6_mtu = Mtu{1400};
    Bench b{settings};
    b.backend.bind(L4Proto::Udp, client(kClient2, 7000), pool(4242));
    const auto large = ipv6(kClient, kPool6).udp(5000, 4242).payload(1400);
    const auto refused = b.pass(large);
    REQUIRE(refused.size() == 1);
    CHECK_MESSAGE(has(line(refused), "IPv4 192.0.2.254 > 192.0.2.1"), line(refused));
    CHECK_MESSAGE(has(line(refused), "ICMP type 3 code 4"), line(refused));
    CHECK(b.drops(DropReason::PacketTooBig) == 1);
    // The kernel routes it back to us.
    const auto told = b.pass(OwnedPacket{refused[0].bytes});
    REQUIRE(told.size() == 1);
    CHECK_MESSAGE(has(line(told), "> 2001:db8:1::10"), line(told));
    CHECK_MESSAGE(has(line(told), "ICMP type 2 code 0"), line(told));
    CHECK(get32(told[0].bytes, 44) == 1400);
}

TEST_CASE("RFC 6146 §3.8: fragments of a hairpin count one hop") {
    Bench b{counting_hops()};
    b.backend.bind(L4Proto::Udp, client(kClient2, 7000), pool(4242));
    const auto pieces =
        ipv6(kClient, kPool6).hop_limit(2).udp(5000, 4242).payload(2000).in_pieces(1024, 6);
    for (const auto& piece : pieces) {
        const auto sent = b.pass(OwnedPacket{piece});
        REQUIRE(sent.size() == 1);
        CHECK_MESSAGE(has(line(sent), "> 2001:db8:1::20 hl 1"), line(sent));
    }
}

TEST_CASE("RFC 6146 §3.8: ICMP errors of a hairpin count one hop") {
    Bench b{counting_hops()};
    b.backend.bind(L4Proto::Udp, client(kClient, 5000), pool(40000));
    b.backend.bind(L4Proto::Udp, client(kClient2, 7000), pool(4242));
    const auto quoted = ipv6(kPool6, kClient2).udp(40000, 7000).payload(10).bytes();
    const auto sent =
        b.pass(ipv6(kClient2, kPool6).hop_limit(2).icmp(1, 4).payload(View{quoted}));
    REQUIRE(sent.size() == 1);
    CHECK_MESSAGE(has(line(sent), "> 2001:db8:1::10 hl 1"), line(sent));
}

} // namespace nat64::test
