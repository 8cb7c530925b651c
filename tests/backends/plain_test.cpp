// SPDX-License-Identifier: Apache-2.0
// Plain packets take a way of their own through the translator (core/plain.hpp). Here random
// traffic, most of it plain or nearly so, takes both: one gateway sees the packets as they are;
// its twin sees them with offload metadata that means nothing (CWR without segmentation), which
// normalize_offload() clears and which only the general way accepts. Both must emit the same
// bytes with the same metadata in the same order, count the same, and remember the same
// bindings and sessions, for as long.
#include "backends/registry.hpp"
#include "core/translator.hpp"
#include "tests/backends/network.hpp"
#include "tests/support/bytes.hpp"
#include "tests/support/describe.hpp"
#include "tests/support/memory_queue.hpp"
#include "tests/support/packet_builder.hpp"
#include "tests/support/rng.hpp"

#include <array>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

namespace nat64::test {

namespace {

struct Gateway {
    Gateway(const char* name, const TranslatorSettings& settings, const NaptSettings& napt)
        : backend{backends::make_backend(name, napt, counters, rng)},
          translator{settings, *backend, counters, rng} {}

    std::vector<Sent> handle(Clock::time_point now) {
        translator.handle(queue.batch(), now, queue);
        return queue.take();
    }

    std::vector<Sent> expire(Clock::time_point now) {
        translator.expire(now, {}, queue);
        return queue.take();
    }

    [[nodiscard]] std::uint64_t dropped(DropReason reason) const {
        return counters.drops[static_cast<std::size_t>(reason)].value();
    }

    [[nodiscard]] std::vector<BindingRow> bindings() const {
        std::vector<BindingRow> rows;
        rows.reserve(1000);
        REQUIRE_FALSE(backend->snapshot(0, Filter{}, Budget{100'000}, rows));
        return rows;
    }

    [[nodiscard]] std::vector<SessionRow> sessions(Clock::time_point now) const {
        std::vector<SessionRow> rows;
        rows.reserve(1000);
        REQUIRE_FALSE(backend->snapshot(0, Filter{}, Budget{100'000}, now, rows));
        return rows;
    }

    Counters counters;
    Rng rng = seeded_rng(1);
    std::unique_ptr<NaptBackend> backend;
    Translator translator;
    MemoryQueue queue;
};

void impose(Policy policy, Gateway& plain, Gateway& general) {
    const auto shared = std::make_shared<const Policy>(std::move(policy));
    plain.backend->exchange_policy(shared);
    general.backend->exchange_policy(shared);
}

// ---- traffic ----

template <typename Choices>
auto one_of(Random& random, const Choices& choices) {
    return choices[random.between(0, choices.size() - 1)];
}

/// The first one mostly.
template <typename Choices>
auto seldom_another_of(Random& random, const Choices& choices) {
    return random.one_in(8) ? one_of(random, choices) : choices[0];
}

std::size_t payload_size(Random& random) {
    constexpr std::array<std::size_t, 12> edges{
        0, 1, 2, 12, 1220, 1232, 1233, 1240, 1252, 1260, 1452, 1480};
    return random.one_in(2) ? random.between(0, 1600)
                            : one_of(random, edges) + random.between(0, 2);
}

Ipv4Addr random_server(Random& random) {
    constexpr std::array servers{
        "203.0.113.5", "8.8.8.8", "10.0.0.1", "127.0.0.1", "192.0.2.1", "192.0.2.2"};
    return v4(seldom_another_of(random, servers));
}

PacketBuilder outbound(Random& random, Ipv4Addr server4) {
    constexpr std::array clients{"2001:db8:1::10",
                                 "2001:db8:1::20",
                                 "2001:db8:1::30",
                                 "fe80::1",
                                 "::1",
                                 "ff02::1",
                                 "64:ff9b::1"};
    const auto prefix = random.one_in(20) ? 0x0064'ff9b'0000'0001U : 0x0064'ff9b'0000'0000U;
    return ipv6(seldom_another_of(random, clients),
                Ipv6Addr::from_halves(prefix, server4.bits()));
}

PacketBuilder inbound(Random& random, Ipv4Addr mapped) {
    auto packet = ipv4(random_server(random), mapped);
    if (random.one_in(2)) packet.dont_fragment();
    if (random.one_in(20)) packet.options(random.bytes(random.between(1, 8)));
    return packet;
}

unsigned random_flags(Random& random) {
    constexpr std::array<unsigned, 8> flags{0x10, 0x10, 0x18, 0x02, 0x12, 0x11, 0x04, 0x00};
    return random.one_in(8) ? random.word() & 0x3fU : one_of(random, flags);
}

void add_transport(PacketBuilder& packet,
                   L4Proto protocol,
                   Random& random,
                   unsigned source,
                   unsigned destination) {
    switch (protocol) {
    case L4Proto::Icmp:
        packet.echo_request(source);
        break;
    case L4Proto::Tcp:
        packet.tcp(source, destination, random_flags(random));
        if (random.one_in(4)) packet.tcp_options(random.bytes(random.between(1, 12)));
        break;
    case L4Proto::Udp:
        packet.udp(source, destination);
    }
}

/// Mostly right, and mostly plain.
OwnedPacket spoil(PacketBuilder& packet, Random& random) {
    packet.payload(random.bytes(payload_size(random)));
    packet.traffic_class(random.word() & 0xff);
    packet.hop_limit(random.one_in(10) ? random.word() & 1 : (random.word() | 2U) & 0xff);
    if (random.one_in(8)) packet.checksum(one_of(random, std::array{0U, 0xffffU, 0x1234U}));
    if (random.one_in(20)) packet.fragment(random.between(0, 3) * 8, random.one_in(2), 7);
    if (random.one_in(6))
        packet.partial_checksum();
    else if (random.one_in(12))
        packet.segmented(random.between(1, 1500));
    auto bytes = packet.bytes();
    auto offload = packet.offload();
    if (random.one_in(8))
        put8(bytes, random.between(0, 59) % bytes.size(), random.word() & 0xff);
    if (random.one_in(3) && bytes[0] >> 4 == std::byte{4} && bytes.size() >= 20)
        fix_ipv4_checksum(bytes);
    if (random.one_in(20)) bytes.resize(random.between(1, bytes.size() + 20));
    if (random.one_in(30)) offload.checksum_start = random.word() & 0x7f;
    if (random.one_in(30)) offload.segment_size = random.word();
    return OwnedPacket{bytes, offload};
}

OwnedPacket random_packet(Random& random, const std::vector<BindingRow>& bindings) {
    const auto far = static_cast<std::uint16_t>(random.between(80, 82));
    constexpr std::array protocols{L4Proto::Udp, L4Proto::Tcp, L4Proto::Tcp, L4Proto::Icmp};
    if (random.one_in(2) || bindings.empty()) {
        const auto near = static_cast<unsigned>(random.between(5000, 5004));
        auto server4 = Endpoint4{random_server(random), Port{far}};
        if (random.one_in(6) && !bindings.empty()) server4 = one_of(random, bindings).mapped4;
        auto packet = outbound(random, server4.address);
        add_transport(packet, one_of(random, protocols), random, near, server4.port.value());
        return spoil(packet, random);
    }
    const auto& row = one_of(random, bindings);
    auto packet = inbound(random, random.one_in(20) ? v4("192.0.2.9") : row.mapped4.address);
    const auto near = row.whole_host ? random.between(5000, 5004) : row.mapped4.port.value();
    const auto port = static_cast<unsigned>(near) + (random.one_in(20) ? 1U : 0U);
    const auto protocol = row.whole_host ? one_of(random, protocols) : row.protocol;
    add_transport(packet, protocol, random, far, port & 0xffff);
    return spoil(packet, random);
}

// ---- settings ----

rfc7915::Dscp random_dscp(Random& random) {
    if (random.one_in(2)) return {};
    return rfc7915::Dscp::fixed(static_cast<std::uint8_t>(random.between(0, 63)));
}

TranslatorSettings random_settings(Random& random) {
    using rfc7915::HopPolicy;
    using rfc7915::PartialChecksums;
    TranslatorSettings s;
    s.wkp_strict = random.one_in(3);
    s.gateway4 = Ipv4Addr{192, 0, 2, 254};
    s.icmp_errors_per_second = 1'000'000;
    auto& r = s.rfc7915;
    r.hop_policy = random.one_in(2) ? HopPolicy::KernelForwards : HopPolicy::Decrement;
    r.ipv6_mtu = Mtu{one_of(random, std::array{1280U, 1400U, 1500U, 1520U})};
    r.ipv4_mtu = Mtu{one_of(random, std::array{1260U, 1400U, 1500U})};
    r.lowest_ipv6_mtu = Mtu{one_of(random, std::array{1280U, 1400U})};
    r.partial_checksums =
        random.one_in(2) ? PartialChecksums::Allowed : PartialChecksums::Forbidden;
    r.dscp_to_ipv4 = random_dscp(random);
    r.dscp_to_ipv6 = random_dscp(random);
    r.clamp_mss = random.one_in(2);
    return s;
}

/// Some of what random traffic does, and some of the addresses it goes to.
Policy random_policy(Random& random) {
    PolicySettings s;
    if (random.one_in(4)) s.clients_deny = {Prefix6{*Ipv6Addr::parse("2001:db8:1::20"), 128}};
    const Port port{static_cast<std::uint16_t>(random.between(80, 82))};
    if (random.one_in(4)) s.destinations_deny = {{Prefix4{}, L4Proto::Udp, {port, port}}};
    if (random.one_in(2)) s.private_destinations = PrivateDestinations::Reachable;
    std::vector<Ipv4Addr> own;
    if (random.one_in(4)) own.push_back(v4("203.0.113.5"));
    return {s, own};
}

NaptSettings random_napt(Random& random) {
    NaptSettings s;
    s.pool = {pool_item("192.0.2.1")};
    if (random.one_in(2)) s.pool.push_back(pool_item("192.0.2.4"));
    s.inner_pool = Prefix4{v4("192.0.2.0"), random.one_in(2) ? 30U : 28U};
    if (random.one_in(2)) s.limits.client_prefix = 64;
    s.limits.addresses_per_client = random.one_in(2) ? 2 : 0;
    s.limits.sessions = random.one_in(2) ? 8 : 500;
    s.filtering =
        random.one_in(2) ? Filtering::AddressDependent : Filtering::EndpointIndependent;
    return s;
}

// ---- comparing ----

std::vector<std::uint64_t> values(const Counters& c) {
    std::vector<std::uint64_t> all{c.received.value(),
                                   c.hairpinned.value(),
                                   c.emitted.value(),
                                   c.held.value(),
                                   c.released.value(),
                                   c.fragmented.value(),
                                   c.icmp_errors_sent.value(),
                                   c.icmp_errors_limited.value(),
                                   c.tcp_probes.value()};
    for (const auto& direction : c.translated)
        for (const auto& traffic : direction) {
            all.push_back(traffic.packets.value());
            all.push_back(traffic.bytes.value());
        }
    for (const auto& drop : c.drops)
        all.push_back(drop.value());
    for (const auto* each :
         {&c.sessions_created, &c.sessions_deleted, &c.bindings_created, &c.bindings_deleted})
        for (const auto& counter : *each)
            all.push_back(counter.value());
    return all;
}

bool same(const Offload& a, const Offload& b) {
    return a.segmentation == b.segmentation && a.tcp_cwr == b.tcp_cwr &&
           a.partial_checksum == b.partial_checksum && a.segment_size == b.segment_size &&
           a.checksum_start == b.checksum_start && a.checksum_offset == b.checksum_offset;
}

void compare(const std::vector<Sent>& plain, const std::vector<Sent>& general) {
    REQUIRE(plain.size() == general.size());
    for (std::size_t i = 0; i < plain.size(); ++i) {
        CHECK_MESSAGE(plain[i].bytes == general[i].bytes,
                      describe(plain[i].bytes),
                      "\n",
                      describe(general[i].bytes));
        CHECK(same(plain[i].offload, general[i].offload));
    }
}

void compare(const std::vector<BindingRow>& plain, const std::vector<BindingRow>& general) {
    REQUIRE(plain.size() == general.size());
    for (std::size_t i = 0; i < plain.size(); ++i) {
        CHECK(plain[i].protocol == general[i].protocol);
        CHECK(plain[i].client6 == general[i].client6);
        CHECK(plain[i].mapped4 == general[i].mapped4);
        CHECK(plain[i].handle == general[i].handle);
    }
}

void compare(const std::vector<SessionRow>& plain, const std::vector<SessionRow>& general) {
    REQUIRE(plain.size() == general.size());
    for (std::size_t i = 0; i < plain.size(); ++i) {
        CHECK(plain[i].client6 == general[i].client6);
        CHECK(plain[i].mapped4 == general[i].mapped4);
        CHECK(plain[i].server4 == general[i].server4);
        CHECK(plain[i].state == general[i].state);
        CHECK(plain[i].expires_in == general[i].expires_in);
        CHECK(plain[i].packets == general[i].packets);
        CHECK(plain[i].bytes == general[i].bytes);
    }
}

/// What has come of random traffic, so that it is known to be worth something.
struct Totals {
    std::uint64_t forwarded = 0;
    std::uint64_t hairpinned = 0;
    std::uint64_t plain = 0;
    std::uint64_t expired = 0; ///< bindings
};

Clock::duration random_pause(Random& random) {
    if (random.one_in(40)) return 125min;
    return random.one_in(10) ? 100s : 10ms;
}

Totals compare_both_ways(const char* name) {
    Totals totals;
    for (std::uint64_t seed = 1; seed <= 100; ++seed) {
        CAPTURE(seed);
        Random random{seed};
        const auto settings = random_settings(random);
        const auto napt = random_napt(random);
        Gateway plain{name, settings, napt};
        Gateway general{name, settings, napt};
        Clock::time_point now{1h};
        for (int batch = 0; batch < 40; ++batch) {
            now += random_pause(random);
            if (random.one_in(8)) impose(random_policy(random), plain, general);
            const auto bindings = plain.bindings();
            for (auto packets = random.between(1, 16); packets > 0; --packets) {
                auto packet = random_packet(random, bindings);
                auto offload = packet.buffer().offload;
                if (offload.segmentation == Segmentation::None) offload.tcp_cwr = true;
                general.queue.push(OwnedPacket{packet.bytes(), offload});
                plain.queue.push(std::move(packet));
            }
            compare(plain.handle(now), general.handle(now));
            compare(plain.expire(now), general.expire(now));
            compare(plain.bindings(), general.bindings());
            compare(plain.sessions(now), general.sessions(now));
            REQUIRE(values(plain.counters) == values(general.counters));
        }
        totals.forwarded += plain.counters.emitted.value();
        totals.hairpinned += plain.counters.hairpinned.value();
        totals.plain += plain.queue.together();
        for (const auto& counter : plain.counters.bindings_deleted)
            totals.expired += counter.value();
        CHECK(general.queue.together() == 0);
    }
    return totals;
}

} // namespace

TEST_CASE("plain packets come out as the general way has them") {
    const auto totals = compare_both_ways("daemon");
    CHECK(totals.forwarded > 4000);
    CHECK(totals.hairpinned > 100);
    CHECK(totals.plain > 1000);
    CHECK(totals.expired > 100);
}

TEST_CASE("napt: kernel: plain packets come out as the general way has them") {
    const auto totals = compare_both_ways("kernel");
    CHECK(totals.forwarded > 4000);
    CHECK(totals.plain > 2000);
    CHECK(totals.expired > 50);
}

TEST_CASE("RFC 7915 §4.1, §5.1: a fixed codepoint is that of each packet of a session") {
    NaptSettings napt;
    napt.pool = {pool_item("192.0.2.1")};
    TranslatorSettings settings;
    settings.wkp_strict = false;
    settings.rfc7915.dscp_to_ipv4 = rfc7915::Dscp::fixed(46);
    settings.rfc7915.dscp_to_ipv6 = rfc7915::Dscp::fixed(0);
    Gateway gateway{"daemon", settings, napt};
    const Clock::time_point now{1h};
    for (int packet = 0; packet < 3; ++packet) {
        CAPTURE(packet);
        gateway.queue.push(ipv6("2001:db8:1::10", "64:ff9b::203.0.113.5")
                               .traffic_class(8 << 2 | 1)
                               .udp(5000, 53)
                               .packet());
        const auto out = gateway.handle(now);
        REQUIRE(out.size() == 1);
        CHECK(get8(out[0].bytes, 1) == (46 << 2 | 1));
        const auto mapped4 = gateway.bindings().at(0).mapped4;
        gateway.queue.push(ipv4("203.0.113.5", mapped4.address)
                               .traffic_class(46 << 2 | 3)
                               .udp(53, mapped4.port.value())
                               .packet());
        const auto in = gateway.handle(now);
        REQUIRE(in.size() == 1);
        CHECK((get16(in[0].bytes, 0) >> 4 & 0xff) == 3);
    }
}

TEST_CASE("what ends within its transport header is not plain, and not let through") {
    NaptSettings napt;
    napt.pool = {pool_item("192.0.2.1")};
    TranslatorSettings settings;
    settings.wkp_strict = false;
    Gateway gateway{"daemon", settings, napt};
    const auto cut = [](Bytes bytes, std::size_t header, std::size_t size) {
        bytes.resize(header + size);
        if (header == 40) {
            put16(bytes, 4, static_cast<unsigned>(size));
        } else {
            put16(bytes, 2, static_cast<unsigned>(bytes.size()));
            fix_ipv4_checksum(bytes);
        }
        return OwnedPacket{bytes};
    };
    const auto out = ipv6("2001:db8:1::10", "64:ff9b::203.0.113.5");
    const auto in = ipv4("203.0.113.5", "192.0.2.1");
    std::uint64_t packets = 0;
    for (std::size_t size = 0; size < 20; ++size) {
        gateway.queue.push(cut(PacketBuilder{out}.tcp(5000, 80, 0x10).bytes(), 40, size));
        gateway.queue.push(cut(PacketBuilder{in}.tcp(80, 5000, 0x10).bytes(), 20, size));
        packets += 2;
        if (size >= 8) continue;
        gateway.queue.push(cut(PacketBuilder{out}.udp(5000, 80).bytes(), 40, size));
        gateway.queue.push(cut(PacketBuilder{in}.udp(80, 5000).bytes(), 20, size));
        packets += 2;
    }
    CHECK(gateway.handle(Clock::time_point{1h}).empty());
    CHECK(gateway.dropped(DropReason::BadTransportHeader) == packets);
}

TEST_CASE("policy: a plain packet of a session that is forbidden by now is refused") {
    NaptSettings napt;
    napt.pool = {pool_item("192.0.2.1")};
    TranslatorSettings settings;
    settings.wkp_strict = false;
    Gateway gateway{"daemon", settings, napt};
    const Clock::time_point now{1h};
    const auto out = [&] {
        gateway.queue.push(
            ipv6("2001:db8:1::10", "64:ff9b::203.0.113.5").udp(5000, 53).payload(20).packet());
        return gateway.handle(now);
    };
    REQUIRE(out().size() == 1);
    const auto mapped4 = gateway.bindings().at(0).mapped4;
    const auto in = [&] {
        gateway.queue.push(ipv4("203.0.113.5", mapped4.address)
                               .udp(53, mapped4.port.value())
                               .payload(20)
                               .packet());
        return gateway.handle(now);
    };
    REQUIRE(in().size() == 1);
    const std::vector own{v4("203.0.113.5")};
    gateway.backend->exchange_policy(std::make_shared<const Policy>(PolicySettings{}, own));
    gateway.expire(now);
    in();
    CHECK(gateway.dropped(DropReason::NoBinding) == 1);
    out();
    CHECK(gateway.dropped(DropReason::OwnAddress) == 1);
    CHECK(gateway.counters.translated[0][1].packets.value() +
              gateway.counters.translated[1][1].packets.value() ==
          2);
    CHECK(gateway.sessions(now).empty());
}

} // namespace nat64::test
