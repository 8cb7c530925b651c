// SPDX-License-Identifier: Apache-2.0
// core/icmp_reply: ICMP errors of our own, which packets never get one, how many there may be,
// and the TCP probe of RFC 6146 §3.5.2.2.
#include "core/icmp_reply.hpp"
#include "core/net/packet_view.hpp"
#include "tests/support/check_packet.hpp"
#include "tests/support/fake_clock.hpp"
#include "tests/support/memory_queue.hpp"
#include "tests/support/packet_builder.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include <doctest/doctest.h>

using namespace nat64;
using namespace nat64::test;
using namespace std::chrono_literals;

namespace {

constexpr const char* kClient6 = "2001:db8::1";
constexpr const char* kServer6 = "64:ff9b::c000:201"; // 192.0.2.1
constexpr const char* kServer4 = "192.0.2.1";
constexpr const char* kMapped4 = "198.51.100.7";
constexpr Ipv4Addr kGateway4{203, 0, 113, 1};
constexpr const char* kGateway6 = "64:ff9b::cb00:7101";

struct Rig {
    IcmpReplier::Settings settings{
        .source4 = kGateway4, .source6 = Ipv6Addr::parse(kGateway6), .per_second = 1000};
    Counters counters;
    FakeClock clock;
    MemoryQueue queue;

    /// The answer to a packet, if there is one.
    std::optional<Bytes> answer(const PacketBuilder& packet, const IcmpAnswer& what) {
        IcmpReplier replier{settings};
        return answer(replier, packet, what);
    }

    std::optional<Bytes>
    answer(IcmpReplier& replier, const PacketBuilder& packet, const IcmpAnswer& what) {
        const auto owned = packet.packet();
        const auto view = parse_packet(owned.bytes());
        REQUIRE(view.has_value());
        auto copy = packet.packet();
        const bool said =
            replier.reply(*view, copy.buffer(), what, clock.now(), counters, queue);
        const auto sent = queue.take();
        REQUIRE(sent.size() == (said ? 1 : 0));
        if (!said) return std::nullopt;
        CHECK(check_packet(sent.front().bytes, sent.front().offload) == "");
        return sent.front().bytes;
    }
};

PacketBuilder udp6(std::size_t size = 30) {
    return ipv6(kClient6, kServer6).udp(4000, 53).payload(size);
}

PacketBuilder udp4(std::size_t size = 30) {
    return ipv4(kServer4, kMapped4).udp(53, 61000).payload(size);
}

Bytes head(const Bytes& bytes, std::size_t size) {
    size = std::min(size, bytes.size());
    return {bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(size)};
}

} // namespace

TEST_CASE("RFC 4443 §3: an ICMPv6 error quotes the packet as it came") {
    Rig rig;
    const auto sent = rig.answer(udp6(), {2, 0, 1480});
    REQUIRE(sent.has_value());
    const auto expected =
        ipv6(kGateway6, kClient6).hop_limit(64).icmp(2, 0, 1480).payload(udp6().bytes());
    CHECK(*sent == expected.bytes());
    CHECK(rig.counters.icmp_errors_sent.value() == 1);
    CHECK(rig.counters.emitted.value() == 1);
}

TEST_CASE("RFC 792: an ICMPv4 error quotes the packet as it came") {
    Rig rig;
    const auto sent = rig.answer(udp4(), {3, 4, 1480});
    REQUIRE(sent.has_value());
    const auto expected = ipv4(kGateway4, kServer4)
                              .hop_limit(64)
                              .traffic_class(0xc0) // RFC 1812 §4.3.2.5
                              .dont_fragment()
                              .icmp(3, 4, 1480)
                              .payload(udp4().bytes());
    CHECK(*sent == expected.bytes());
    CHECK(rig.counters.icmp_errors_sent.value() == 1);
}

TEST_CASE("RFC 4443 §2.4 c: as much is quoted as fits into 1280 bytes") {
    Rig rig;
    for (std::size_t size = 1180; size < 1300; ++size) {
        const auto sent = rig.answer(udp6(size), kPortUnreachable6);
        REQUIRE(sent.has_value());
        const auto quoted = udp6(size).bytes();
        CHECK(sent->size() == std::min<std::size_t>(1280, 48 + quoted.size()));
        CHECK(head(quoted, sent->size() - 48) == Bytes{sent->begin() + 48, sent->end()});
    }
}

TEST_CASE("RFC 1812 §4.3.2.3: as much is quoted as fits into 576 bytes") {
    Rig rig;
    for (std::size_t size = 500; size < 600; ++size) {
        const auto sent = rig.answer(udp4(size), kPortUnreachable4);
        REQUIRE(sent.has_value());
        const auto quoted = udp4(size).bytes();
        CHECK(sent->size() == std::min<std::size_t>(576, 28 + quoted.size()));
        CHECK(head(quoted, sent->size() - 28) == Bytes{sent->begin() + 28, sent->end()});
    }
}

TEST_CASE("a super-packet is quoted by its first segment's headers") {
    Rig rig;
    const auto packet = ipv6(kClient6, kServer6).tcp(4000, 80).payload(20000).segmented(1440);
    const auto sent = rig.answer(packet, {2, 0, 1400});
    REQUIRE(sent.has_value());
    CHECK(sent->size() == 1280);
    CHECK(Bytes{sent->begin() + 48, sent->end()} == head(packet.bytes(), 1232));
}

// ---- sources ----

TEST_CASE("an error without a source of ours comes from where the packet was sent to") {
    Rig rig;
    rig.settings.source4.reset();
    rig.settings.source6.reset();
    const auto sent6 = rig.answer(udp6(), kPortUnreachable6);
    REQUIRE(sent6.has_value());
    CHECK(Bytes{sent6->begin() + 8, sent6->begin() + 24} == AnyAddress{kServer6}.bytes);
    const auto sent4 = rig.answer(udp4(), kPortUnreachable4);
    REQUIRE(sent4.has_value());
    CHECK(Bytes{sent4->begin() + 12, sent4->begin() + 16} == AnyAddress{kMapped4}.bytes);
}

// ---- what is never answered ----

TEST_CASE("RFC 1122 §3.2.2: packets that get no ICMPv4 error") {
    Rig rig;
    const auto quoted = ipv4(kMapped4, kServer4).udp(61000, 53).payload(20).bytes();
    const auto silent = [&](const PacketBuilder& packet) {
        return !rig.answer(packet, kPortUnreachable4);
    };
    for (const unsigned type : {3U, 4U, 5U, 11U, 12U})
        CHECK(silent(ipv4(kServer4, kMapped4).icmp(type, 0).payload(quoted)));
    for (const unsigned type : {0U, 8U, 13U, 17U})
        CHECK_FALSE(silent(ipv4(kServer4, kMapped4).icmp(type, 0).payload(quoted)));
    for (const auto* source :
         {"0.0.0.0", "0.1.2.3", "127.0.0.1", "224.0.0.1", "240.0.0.1", "255.255.255.255"})
        CHECK(silent(ipv4(source, kMapped4).udp(1, 2)));
    for (const auto* destination : {"224.0.0.1", "239.1.2.3", "255.255.255.255"})
        CHECK(silent(ipv4(kServer4, destination).udp(1, 2)));
    CHECK(silent(ipv4(kServer4, kMapped4).udp(1, 2).payload(800).piece(400, 408, 1)));
    CHECK_FALSE(silent(ipv4(kServer4, kMapped4).udp(1, 2).payload(800).piece(0, 400, 1)));
    CHECK_FALSE(silent(ipv4("10.1.2.3", kMapped4).udp(1, 2)));
    CHECK(rig.counters.icmp_errors_limited.value() == 0);
}

TEST_CASE("RFC 4443 §2.4 e: packets that get no ICMPv6 error") {
    Rig rig;
    const auto quoted = ipv6(kServer6, kClient6).udp(53, 4000).payload(20).bytes();
    const auto silent = [&](const PacketBuilder& packet) {
        return !rig.answer(packet, kPortUnreachable6);
    };
    for (const unsigned type : {0U, 1U, 2U, 3U, 4U, 100U, 127U, 137U})
        CHECK(silent(ipv6(kClient6, kServer6).icmp(type, 0).payload(quoted)));
    for (const unsigned type : {128U, 129U, 135U, 200U})
        CHECK_FALSE(silent(ipv6(kClient6, kServer6).icmp(type, 0).payload(quoted)));
    for (const auto* source : {"::", "::1", "fe80::1", "ff02::1", "::ffff:192.0.2.1"})
        CHECK(silent(ipv6(source, kServer6).udp(1, 2)));
    CHECK(silent(ipv6(kClient6, "ff0e::1").udp(1, 2)));
    CHECK(silent(ipv6(kClient6, kServer6).udp(1, 2).payload(800).piece(400, 408, 1)));
    CHECK_FALSE(silent(ipv6(kClient6, kServer6).udp(1, 2).payload(800).piece(0, 400, 1)));
    CHECK_FALSE(silent(ipv6(kClient6, kServer6).fragment(0, false, 1).udp(1, 2)));
}

// ---- rate ----

TEST_CASE("RFC 4443 §2.4 f: errors beyond the rate are counted, not sent") {
    Rig rig;
    rig.settings.per_second = 100;
    IcmpReplier replier{rig.settings};
    for (int i = 0; i < 15; ++i)
        CHECK(rig.answer(replier, udp6(), kPortUnreachable6).has_value() == (i < 10));
    CHECK(rig.counters.icmp_errors_sent.value() == 10);
    CHECK(rig.counters.icmp_errors_limited.value() == 5);
    rig.clock.advance(10ms);
    CHECK(rig.answer(replier, udp6(), kPortUnreachable6).has_value());
    CHECK_FALSE(rig.answer(replier, udp6(), kPortUnreachable6).has_value());
}

TEST_CASE("RFC 4443 §2.4 f: each side and path MTU discovery have a rate of their own") {
    Rig rig;
    rig.settings.per_second = 100;
    IcmpReplier replier{rig.settings};
    for (int i = 0; i < 50; ++i)
        (void)rig.answer(replier, udp4(), kPortUnreachable4);
    CHECK_FALSE(rig.answer(replier, udp4(), kPortUnreachable4).has_value());
    CHECK(rig.answer(replier, udp6(), kPortUnreachable6).has_value());
    const IcmpAnswer too_big{kIcmpv6PacketTooBig, 0, 1280};
    CHECK(rig.answer(replier, udp6(), too_big).has_value());
}

TEST_CASE("RFC 4443 §2.4 f: no answer takes from another bucket than its own") {
    struct Answered {
        PacketBuilder packet;
        IcmpAnswer answer;
    };

    const std::array kinds{Answered{udp4(), kPortUnreachable4},
                           Answered{udp4(), {kIcmpDestinationUnreachable, 4, 1400}},
                           Answered{udp6(), kPortUnreachable6},
                           Answered{udp6(), {kIcmpv6PacketTooBig, 0, 1400}}};
    for (const auto& drained : kinds) {
        Rig rig;
        rig.settings.per_second = 10;
        IcmpReplier replier{rig.settings};
        while (rig.answer(replier, drained.packet, drained.answer))
            ;
        for (const auto& kind : kinds) {
            int sent = 0;
            while (rig.answer(replier, kind.packet, kind.answer))
                ++sent;
            CHECK(sent == (&kind == &drained ? 0 : 10));
        }
    }
}

TEST_CASE("RFC 4443 §2.4 f: answers of all other types have one bucket a side") {
    Rig rig;
    rig.settings.per_second = 10;
    IcmpReplier replier{rig.settings};
    while (rig.answer(replier, udp4(), kAdminProhibited4))
        ;
    CHECK_FALSE(rig.answer(replier, udp4(), kTtlExceeded4));
    while (rig.answer(replier, udp6(), kAdminProhibited6))
        ;
    CHECK_FALSE(rig.answer(replier, udp6(), kHopLimitExceeded6));
}

TEST_CASE("what gets no answer anyway takes nothing from the rate") {
    Rig rig;
    rig.settings.per_second = 1;
    IcmpReplier replier{rig.settings};
    const auto multicast = ipv6(kClient6, "ff0e::1").udp(1, 2);
    for (int i = 0; i < 100; ++i)
        CHECK_FALSE(rig.answer(replier, multicast, kPortUnreachable6).has_value());
    CHECK(rig.answer(replier, udp6(), kPortUnreachable6).has_value());
}

TEST_CASE("RFC 7915 §4.4, §5.4: a rate of 0 sends none; apply() changes rate and addresses") {
    Rig rig;
    rig.settings.per_second = 0;
    IcmpReplier replier{rig.settings};
    CHECK_FALSE(rig.answer(replier, udp6(), kPortUnreachable6).has_value());
    rig.settings.per_second = 1000;
    rig.settings.source4 = Ipv4Addr{9, 9, 9, 9};
    replier.apply(rig.settings);
    rig.clock.advance(1s);
    const auto sent = rig.answer(replier, udp4(), kPortUnreachable4);
    REQUIRE(sent.has_value());
    CHECK(get32(*sent, 12) == 0x09090909);
}

TEST_CASE("TokenBucket: never more than rate and burst allow, and no less in the long run") {
    for (const std::uint32_t rate : {1U, 3U, 10U, 1000U, 1'000'000U}) {
        CAPTURE(rate);
        TokenBucket bucket{rate};
        FakeClock clock;
        std::uint64_t taken = 0;
        const auto step = std::chrono::nanoseconds{1s} / rate / 3;
        for (int i = 0; i < 3000; ++i) {
            taken += bucket.take(clock.now()) ? 1U : 0U;
            clock.advance(step);
        }
        // 1000 tokens came in meanwhile, and the bucket was full at first.
        const auto burst = std::max(rate / 10, 10U);
        CHECK(bucket.burst() == burst);
        CHECK(taken >= 999);
        CHECK(taken <= 1000 + std::uint64_t{burst});
    }
}

TEST_CASE("TokenBucket: an idle time fills it to the burst and no more") {
    TokenBucket bucket{100};
    FakeClock clock;
    const auto drain = [&] {
        int taken = 0;
        while (bucket.take(clock.now()))
            ++taken;
        return taken;
    };
    CHECK(drain() == 10);
    clock.advance(50ms);
    CHECK(drain() == 5);
    clock.advance(1h);
    CHECK(drain() == 10);
}

TEST_CASE("TokenBucket: the first call finds it full, at whatever time") {
    TokenBucket bucket{10};
    for (int i = 0; i < 10; ++i)
        CHECK(bucket.take(Clock::time_point{}));
    CHECK_FALSE(bucket.take(Clock::time_point{}));
}

TEST_CASE("TokenBucket: time that goes back is no time") {
    TokenBucket bucket{10};
    FakeClock clock;
    while (bucket.take(clock.now())) {
    }
    clock.advance(-1s);
    CHECK_FALSE(bucket.take(clock.now()));
    clock.advance(100ms);
    CHECK(bucket.take(clock.now()));
}

// ---- the probe ----

TEST_CASE("RFC 6146 §3.5.2.2: the probe is an empty segment with only ACK set") {
    Rig rig;
    IcmpReplier replier{rig.settings};
    const Endpoint6 server6{Ipv6Addr::parse(kServer6).value(), Port{80}};
    const Endpoint6 client6{Ipv6Addr::parse(kClient6).value(), Port{4000}};
    // It is built where this was.
    REQUIRE(rig.answer(replier, udp6(100), kPortUnreachable6));
    replier.tcp_probe(server6, client6, rig.counters, rig.queue);
    const auto sent = rig.queue.take();
    REQUIRE(sent.size() == 1);
    CHECK(check_packet(sent.front().bytes) == "");
    auto expected = ipv6(kServer6, kClient6).tcp(80, 4000, 0x10);
    expected.sequence(0).acknowledgment(0);
    auto actual = sent.front().bytes;
    // The window is ours to choose.
    put16(actual, 54, get16(expected.bytes(), 54));
    put16(actual, 56, get16(expected.bytes(), 56));
    CHECK(actual == expected.bytes());
    CHECK(get16(sent.front().bytes, 54) != 0);
    CHECK(rig.counters.tcp_probes.value() == 1);
    CHECK(rig.counters.emitted.value() == 2);
}
