// SPDX-License-Identifier: Apache-2.0
// Translator::apply: what a reload changes holds for the next packet.
#include "tests/core/translator_bench.hpp"

#include <chrono>

namespace nat64::test {

namespace {

using namespace std::chrono_literals;

} // namespace

TEST_CASE("reload: icmp.rate holds at once, in both directions") {
    auto settings = lab_settings();
    settings.icmp_errors_per_second = 1;
    Bench b{settings};
    const auto answers = [&] {
        std::size_t sent = 0;
        for (int i = 0; i < 50; ++i)
            sent += b.pass(ipv6(kClient, kServer6).protocol(132).payload(20)).size();
        return sent;
    };
    const auto few = answers();
    CHECK(few < 50);
    settings.icmp_errors_per_second = 100'000;
    b.translator.apply(settings);
    b.now += 10s;
    CHECK(answers() == 50);
    settings.icmp_errors_per_second = 1;
    b.translator.apply(settings);
    CHECK(answers() <= few);
}

TEST_CASE("reload: timeouts.fragments holds for fragments that wait already") {
    auto settings = lab_settings();
    Bench b{settings};
    const auto pieces = ipv6(kClient, kServer6).udp(1, 2).payload(3000).in_pieces(1024, 1);
    CHECK(b.pass(OwnedPacket{pieces[1]}).empty());
    settings.fragment_timeout = 5s;
    b.translator.apply(settings);
    CHECK(b.translator.expire(b.now + 4999ms, {}, b.queue) == b.now + 5s);
    CHECK(b.drops(DropReason::FragmentTimeout) == 0);
    settings.fragment_timeout = 2s;
    b.translator.apply(settings);
    b.translator.expire(b.now + 4999ms, {}, b.queue);
    CHECK(b.drops(DropReason::FragmentTimeout) == 1);
}

TEST_CASE("reload: a smaller mtu.ipv6 is told to the next sender") {
    auto settings = lab_settings();
    Bench b{settings};
    b.backend.bind(L4Proto::Udp, client(kClient, 4000), pool(777));
    const auto large =
        ipv4(kServer4, kPool).dont_fragment().udp(53, 777).payload(1400).packet();
    CHECK(has(line(b.pass(OwnedPacket{large.bytes()})), "IPv6 "));
    settings.rfc7915.ipv6_mtu = Mtu{1400};
    b.translator.apply(settings);
    CHECK(has(line(b.pass(OwnedPacket{large.bytes()})), "ICMP type 3 code 4"));
    CHECK(b.drops(DropReason::PacketTooBig) == 1);
}

TEST_CASE(
    "RFC 6052 §3.1: a reload may forbid non-global addresses under the well-known prefix") {
    auto settings = lab_settings();
    Bench b{settings};
    const auto packet = ipv6(kClient, "64:ff9b::10.1.2.3").udp(1, 2).payload(8);
    CHECK(b.pass(packet).size() == 1);
    settings.wkp_strict = true;
    b.translator.apply(settings);
    b.pass(packet);
    CHECK(b.drops(DropReason::NonGlobalIpv4) == 1);
}

} // namespace nat64::test
