// SPDX-License-Identifier: Apache-2.0
// IPv6 to IPv4 and back with random packets, addresses and ports: what comes back must be what
// was sent, but for flow label and extension headers, which IPv4 does not have. In between, the
// packet must be right in itself, and it must be the one the packet builder makes.
#include "core/net/offload.hpp"
#include "core/net/packet_view.hpp"
#include "tests/core/rfc7915/translate.hpp"
#include "tests/support/check_packet.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include <doctest/doctest.h>

using namespace nat64;
using namespace nat64::rfc7915;
using namespace nat64::test;

namespace {

/// Both ends of a random flow, as each family sees it.
struct Ends {
    Outgoing6 as6;
    Outgoing4 as4;
};

Ends random_ends(Random& random, bool icmp) {
    Ends ends;
    ends.as6.source = {random.ipv6(), Port{random.word()}};
    ends.as6.destination = {random.ipv6(), Port{random.word()}};
    ends.as4.source = {random.ipv4(), Port{random.word()}};
    ends.as4.destination = {random.ipv4(), Port{random.word()}};
    if (icmp) {
        ends.as6.destination.port = ends.as6.source.port;
        ends.as4.destination.port = ends.as4.source.port;
    }
    return ends;
}

/// What makes a random packet, but for the family.
struct Shape {
    std::size_t protocol = 0; ///< TCP, UDP, echo request, echo reply
    std::size_t size = 0;
    Bytes tcp_options;
    unsigned traffic_class = 0;
    unsigned hop_limit = 0;

    [[nodiscard]] bool icmp() const { return protocol > 1; }
};

Shape random_shape(Random& random, std::size_t largest) {
    Shape shape;
    shape.protocol = random.between(0, 3);
    shape.size = random.one_in(4) ? random.between(0, 20) : random.between(0, largest);
    if (random.one_in(3)) shape.tcp_options = Bytes(random.between(1, 10) * 4, std::byte{1});
    shape.traffic_class = static_cast<unsigned>(random.between(0, 255));
    shape.hop_limit = static_cast<unsigned>(random.between(1, 255));
    return shape;
}

PacketBuilder
build(PacketBuilder packet, const Shape& shape, Port source, Port destination, View payload) {
    packet.hop_limit(shape.hop_limit).traffic_class(shape.traffic_class);
    switch (shape.protocol) {
    case 0:
        packet.tcp(source.value(), destination.value()).tcp_options(shape.tcp_options);
        break;
    case 1:
        packet.udp(source.value(), destination.value());
        break;
    case 2:
        packet.echo_request(source.value());
        break;
    default:
        packet.echo_reply(source.value());
        break;
    }
    return packet.payload(payload);
}

PacketBuilder build6(const Ends& ends, const Shape& shape, View payload) {
    const auto& [source, destination] = ends.as6;
    return build(ipv6(source.address, destination.address),
                 shape,
                 source.port,
                 destination.port,
                 payload);
}

PacketBuilder build4(const Ends& ends, const Shape& shape, View payload) {
    const auto& [source, destination] = ends.as4;
    return build(ipv4(source.address, destination.address),
                 shape,
                 source.port,
                 destination.port,
                 payload);
}

class RoundTrip {
public:
    /// IPv6 to IPv4.
    void there(PacketBuffer& packet, const Outgoing4& outgoing, std::uint32_t length) {
        const auto view = parse_packet(packet.bytes());
        REQUIRE(view.has_value());
        REQUIRE(normalize_offload(packet, *view).has_value());
        REQUIRE(check_ipv6_to_ipv4(*view, packet.offload, settings_).has_value());
        ipv6_to_ipv4(packet, *view, outgoing, settings_, identification_, length);
    }

    /// And back, in place.
    Sent back(PacketBuffer& packet, const Outgoing6& outgoing, std::uint32_t length) {
        const auto view = parse_packet(packet.bytes());
        REQUIRE(view.has_value());
        REQUIRE(check_ipv4_to_ipv6(*view, packet.offload, settings_).has_value());
        const auto emitted = ipv4_to_ipv6(
            packet, *view, outgoing, settings_, CountHop::Yes, *scratch_, queue_, length);
        REQUIRE(emitted == 1);
        return queue_.take().front();
    }

private:
    Settings settings_;
    Rng rng_ = seeded_rng(11);
    Identification identification_{rng_};
    std::unique_ptr<Scratch> scratch_ = std::make_unique<Scratch>();
    MemoryQueue queue_;
};

} // namespace

TEST_CASE("RFC 7915: random packets survive the way to IPv4 and back") {
    RoundTrip trip;
    Random random{20};
    for (int i = 0; i < 20000; ++i) {
        CAPTURE(i);
        const auto shape = random_shape(random, 1400);
        const auto ends = random_ends(random, shape.icmp());
        const auto payload = random.bytes(shape.size);
        const auto original = build6(ends, shape, payload);
        auto sent = original;
        if (random.one_in(3)) sent.flow_label(0xfffff).extension(60, 16);
        auto packet = sent.packet();
        trip.there(packet.buffer(), ends.as4, 0);
        REQUIRE(check_packet(packet.bytes()) == "");
        auto expected = build4(ends, shape, payload);
        if (packet.bytes().size() > 1260) expected.dont_fragment();
        REQUIRE(compare_fresh(packet.bytes(), expected) == "");
        const auto returned = trip.back(packet.buffer(), ends.as6, 0);
        REQUIRE(compare(returned.bytes, original.bytes()) == "");
    }
}

TEST_CASE("RFC 7915: random fragments survive the way to IPv4 and back") {
    RoundTrip trip;
    Random random{21};
    for (int i = 0; i < 500; ++i) {
        CAPTURE(i);
        auto shape = random_shape(random, 6000);
        shape.size += 1300;
        const auto ends = random_ends(random, shape.icmp());
        const auto payload = random.bytes(shape.size);
        const auto piece = random.between(10, 154) * 8;
        const auto id = random.word();
        const auto length = static_cast<std::uint32_t>(shape.size + 8); // of ICMP
        const auto pieces6 = build6(ends, shape, payload).in_pieces(piece, id);
        const auto pieces4 = build4(ends, shape, payload).in_pieces(piece, id);
        for (std::size_t n = 0; n < pieces6.size(); ++n) {
            OwnedPacket packet{pieces6[n]};
            trip.there(packet.buffer(), ends.as4, length);
            REQUIRE(compare(packet.bytes(), pieces4[n]) == "");
            REQUIRE(compare(trip.back(packet.buffer(), ends.as6, length).bytes, pieces6[n]) ==
                    "");
        }
    }
}

TEST_CASE("RFC 7915: random super-packets survive the way to IPv4 and back") {
    RoundTrip trip;
    Random random{22};
    for (int i = 0; i < 500; ++i) {
        CAPTURE(i);
        auto shape = random_shape(random, 60000);
        shape.protocol = random.between(0, 1);
        const auto ends = random_ends(random, false);
        const auto segment = random.between(1, 1400);
        const auto original = build6(ends, shape, random.bytes(shape.size)).segmented(segment);
        auto packet = original.packet();
        trip.there(packet.buffer(), ends.as4, 0);
        REQUIRE(check_packet(packet.bytes(), packet.buffer().offload) == "");
        const auto returned = trip.back(packet.buffer(), ends.as6, 0);
        REQUIRE(check_packet(returned.bytes, returned.offload) == "");
        REQUIRE(returned.bytes.size() == original.bytes().size());
        const std::size_t field = shape.protocol == 0 ? 56 : 46;
        auto expected = original.bytes();
        // A sum of zero has two forms in ones' complement.
        CHECK(get16(returned.bytes, field) % 0xffff == get16(expected, field) % 0xffff);
        put16(expected, field, get16(returned.bytes, field));
        REQUIRE(compare(returned.bytes, expected) == "");
    }
}
