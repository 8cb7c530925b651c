// SPDX-License-Identifier: Apache-2.0
// Packets with random bytes changed, cut off or replaced by the values that break parsers,
// with their checksums mended so that they get past the first check. Whatever is accepted must
// come out with an IP header that is right and a length that is its own; the sanitizers watch
// the rest.
#include "core/net/offload.hpp"
#include "core/net/packet_view.hpp"
#include "tests/core/rfc7915/translate.hpp"
#include "tests/support/describe.hpp"
#include "tests/support/naive_checksum.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include <doctest/doctest.h>

using namespace nat64;
using namespace nat64::rfc7915;
using namespace nat64::test;

namespace {

std::vector<Bytes> seeds() {
    const auto label = unhex("00 08 01 01 12 34 51 40");
    const auto quoted4 = outbound4().options(unhex("94 04 00 00")).udp(61000, 53).payload(60);
    const auto quoted6 = inbound6().extension(60).udp(53, 4000).payload(60);
    const auto route = unhex("83 07 08 c0 00 02 05 00");
    return {
        outbound6().udp(4000, 53).payload(40).bytes(),
        outbound6().tcp(4000, 53).tcp_options(unhex("02 04 05 a0")).payload(8).bytes(),
        outbound6().extension(0).routing(0).extension(60).echo_request(4000).bytes(),
        outbound6().extension(0).fragment(0, true, 5).udp(4000, 53).payload(48).bytes(),
        outbound6().fragment(64, false, 5).udp(4000, 53).payload(48).bytes(),
        outbound6().icmp(1, 4).payload(quoted6.bytes()).extensions(label).bytes(),
        outbound6().icmp(2, 0, 1280).payload(quoted6.bytes()).bytes(),
        outbound6().icmp(4, 0, 6).payload(inbound6().tcp(53, 4000).bytes()).bytes(),
        outbound6().icmp(3, 0).payload(inbound6().echo_reply(4000).bytes()).bytes(),
        inbound4().udp(53, 61000).payload(40).bytes(),
        inbound4().udp(53, 61000).payload(1400).checksum(0).bytes(),
        inbound4().options(route).tcp(53, 61000).payload(8).bytes(),
        inbound4().fragment(0, true, 5).udp(53, 61000).payload(1480).bytes(),
        inbound4().echo_reply(61000).payload(2000).bytes(),
        inbound4().icmp(11, 0).payload(quoted4.bytes()).extensions(label).bytes(),
        inbound4().icmp(3, 4, 1400).payload(quoted4.bytes()).bytes(),
        inbound4().icmp(12, 0, 9U << 24).payload(outbound4().tcp(61000, 53).bytes()).bytes(),
        inbound4().icmp(3, 3).payload(outbound4().echo_request(61000).bytes()).bytes(),
    };
}

unsigned nasty(Random& random) {
    constexpr unsigned values[] = {0, 1, 4, 6, 17, 43, 44, 58, 60, 127, 128, 255};
    return random.one_in(2) ? values[random.between(0, 11)] : random.word();
}

void mend_length(Bytes& packet, Random& random) {
    if (random.one_in(8)) return;
    const auto size = static_cast<unsigned>(packet.size());
    if (get8(packet, 0) >> 4 == 4)
        put16(packet, 2, size);
    else if (size >= 40)
        put16(packet, 4, size - 40);
}

/// The IPv4 header's, and that of an ICMP error where it stands in a packet without options.
void mend_checksums(Bytes& packet) {
    const bool v4 = get8(packet, 0) >> 4 == 4;
    const std::size_t header = v4 ? (get8(packet, 0) & 15U) * 4U : 40;
    if (header > packet.size()) return;
    if (v4) fix_ipv4_checksum(packet);
    const unsigned protocol = get8(packet, v4 ? 9 : 6);
    if (protocol != (v4 ? 1 : 58) || packet.size() < header + 8) return;
    put16(packet, header + 2, 0);
    const auto icmp = View{packet}.subspan(header);
    const auto pseudo = v4 ? std::uint16_t{0} : naive_pseudo_sum(packet, 58, icmp.size());
    put16(packet, header + 2, naive_checksum(icmp, pseudo));
}

Bytes mutate(Bytes packet, Random& random) {
    if (random.one_in(3)) packet.resize(random.between(20, packet.size()));
    for (auto changes = random.between(0, 4); changes > 0; --changes)
        put8(packet,
             random.between(0, std::min<std::size_t>(packet.size(), 120) - 1),
             nasty(random));
    mend_length(packet, random);
    mend_checksums(packet);
    return packet;
}

/// core/translator's rule for what an error may quote.
std::optional<PacketView> quoted_by(const PacketView& error) {
    const auto quoted = parse_packet(error.transport().subspan(8), Completeness::Quoted);
    L4Proto protocol{};
    if (!quoted || quoted->family != error.family || !quoted->has_transport_header() ||
        quoted->is_icmp_error() || !quoted->l4(protocol))
        return std::nullopt;
    return *quoted;
}

class Machine {
public:
    /// Returns whether the packet came through.
    bool run(View bytes) {
        OwnedPacket owned{bytes};
        auto& packet = owned.buffer();
        const auto view = parse_packet(owned.bytes());
        if (!view || !normalize_offload(packet, *view)) return false;
        const bool done =
            view->family == Family::V6 ? outbound(packet, *view) : inbound(packet, *view);
        for (const auto& sent : queue_.take())
            check(sent.bytes, view->family == Family::V6 ? 4 : 6);
        return done;
    }

private:
    bool outbound(PacketBuffer& packet, const PacketView& view) {
        if (!check_ipv6_to_ipv4(view, packet.offload, settings_)) return false;
        const auto to = outgoing4();
        if (view.has_transport_header() && view.is_icmp_error()) {
            const auto quoted = quoted_by(view);
            if (!quoted) return false;
            const Outgoing4 inner{to.destination, to.source};
            icmpv6_error_to_icmpv4(
                packet, view, *quoted, to, inner, settings_, identification_, *scratch_);
            CHECK(packet.size() <= 576);
        } else {
            ipv6_to_ipv4(packet, view, to, settings_, identification_);
        }
        queue_.packet(packet);
        return true;
    }

    bool inbound(PacketBuffer& packet, const PacketView& view) {
        if (!check_ipv4_to_ipv6(view, packet.offload, settings_)) return false;
        const auto to = outgoing6();
        if (view.has_transport_header() && view.is_icmp_error()) {
            const auto quoted = quoted_by(view);
            if (!quoted) return false;
            const Outgoing6 inner{to.destination, to.source};
            icmpv4_error_to_icmpv6(
                packet, view, *quoted, to, inner, settings_, CountHop::Yes, *scratch_);
            CHECK(packet.size() <= 1280);
            queue_.packet(packet);
            return true;
        }
        ipv4_to_ipv6(packet, view, to, settings_, CountHop::Yes, *scratch_, queue_);
        return true;
    }

    static void check(View sent, unsigned version) {
        const auto layout = read_layout(sent);
        REQUIRE_MESSAGE(layout.version == version, describe(sent));
        REQUIRE_MESSAGE(layout.length == sent.size(), describe(sent));
        if (version == 4) REQUIRE(naive_sum(sent.first(20)) == 0xffff);
        if (version == 6) REQUIRE(sent.size() <= 1500);
        REQUIRE(parse_packet(sent).has_value());
    }

    Settings settings_;
    Rng rng_ = seeded_rng(2);
    Identification identification_{rng_};
    std::unique_ptr<Scratch> scratch_ = std::make_unique<Scratch>();
    MemoryQueue queue_;
};

} // namespace

TEST_CASE("mutated packets are refused or leave as packets that are right") {
    Machine machine;
    Random random{30};
    const auto from = seeds();
    std::vector<std::size_t> translated(from.size());
    for (std::size_t i = 0; i < 200'000; ++i) {
        const auto seed = i % from.size();
        const auto packet = mutate(from[seed], random);
        CAPTURE(i);
        translated[seed] += machine.run(packet) ? 1U : 0U;
    }
    // Every kind of packet must have come through often enough to mean something.
    for (const auto count : translated)
        CHECK(count > 500);
}
