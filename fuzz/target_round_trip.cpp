// SPDX-License-Identifier: Apache-2.0
// A packet that is right goes from IPv6 to IPv4 and back and must be what it was, but for flow
// label and extension headers, which IPv4 does not have. In between it must be right, too.
#include "core/net/headers.hpp"
#include "core/net/offload.hpp"
#include "core/net/packet_view.hpp"
#include "core/rfc7915/rfc7915.hpp"
#include "fuzz/script.hpp"
#include "fuzz/targets.hpp"
#include "tests/oracle/expect.hpp"
#include "tests/support/check_packet.hpp"
#include "tests/support/describe.hpp"
#include "tests/support/memory_queue.hpp"
#include "tests/support/rng.hpp"

#include <memory>

namespace nat64::fuzz {

namespace {

using oracle::expect;
using oracle::expect_none;
using test::Bytes;

/// Both ends as each family sees them; of a ping both ports are the identifier.
struct Ends {
    rfc7915::Outgoing4 as4;
    rfc7915::Outgoing6 as6;
};

Ends ends_of(const PacketView& view) {
    Ends ends;
    ends.as6 = {{view.ipv6().source.value(), Port{view.source_port}},
                {view.ipv6().destination.value(), Port{view.destination_port}}};
    ends.as4 = {{Ipv4Addr{198, 51, 100, 7}, Port{61000}},
                {Ipv4Addr{192, 0, 2, 1}, Port{view.destination_port}}};
    L4Proto protocol{};
    if (view.l4(protocol) && protocol == L4Proto::Icmp)
        ends.as4.destination.port = ends.as4.source.port;
    return ends;
}

/// Without what IPv4 does not have. Where the sum is zero, TCP and ICMP have 0x0000 in their
/// checksum; 0xffff is as right (RFC 1624 §3), but comes back as 0x0000.
Bytes plain(View packet, const PacketView& view) {
    Bytes bytes{packet.begin(), packet.begin() + 40};
    test::append(bytes, packet.subspan(view.transport_offset));
    if (view.protocol != kProtoUdp) {
        const auto checksum = 40U + (view.protocol == kProtoTcp ? 16U : 2U);
        if (test::get16(bytes, checksum) == 0xffff) test::put16(bytes, checksum, 0);
    }
    test::put32(bytes, 0, test::get32(bytes, 0) & 0xfff00000);
    test::put16(bytes, 4, static_cast<unsigned>(bytes.size() - 40));
    test::put8(bytes, 6, view.protocol);
    return bytes;
}

class RoundTrip {
public:
    void run(View bytes) {
        const auto view = parse_packet(bytes);
        if (!view || !is_candidate(*view)) return;
        test::OwnedPacket owned{view->bytes};
        auto& packet = owned.buffer();
        const auto own = parse_packet(owned.bytes());
        if (!rfc7915::check_ipv6_to_ipv4(*own, packet.offload, settings_)) return;
        const auto original = plain(view->bytes, *view);
        const auto ends = ends_of(*own);
        rfc7915::ipv6_to_ipv4(packet, *own, ends.as4, settings_, identification_, 0);
        expect_none(test::check_packet(owned.bytes()));
        back(packet, ends.as6);
        const auto sent = queue_.take();
        expect(sent.size() == 1, "one packet comes back");
        if (sent[0].bytes != original)
            expect_none("sent " + test::describe(original) + ", got " +
                        test::describe(sent[0].bytes));
    }

private:
    [[nodiscard]] bool is_candidate(const PacketView& view) const {
        L4Proto protocol{};
        return view.family == Family::V6 && !view.has_fragment_header && view.l4(protocol) &&
               !view.is_icmp_error() && view.bytes.size() <= settings_.ipv6_mtu.bytes() &&
               test::check_packet(view.bytes).empty();
    }

    void back(PacketBuffer& packet, const rfc7915::Outgoing6& outgoing) {
        const auto view = parse_packet(packet.bytes());
        expect(view.has_value(), "what was translated parses");
        expect(rfc7915::check_ipv4_to_ipv6(*view, packet.offload, settings_).has_value(),
               "what was translated may go back");
        rfc7915::ipv4_to_ipv6(
            packet, *view, outgoing, settings_, rfc7915::CountHop::Yes, *scratch_, queue_);
    }

    rfc7915::Settings settings_;
    Rng rng_ = test::seeded_rng(11);
    rfc7915::Identification identification_{rng_};
    std::unique_ptr<rfc7915::Scratch> scratch_ =
        std::make_unique_for_overwrite<rfc7915::Scratch>();
    test::MemoryQueue queue_;
};

} // namespace

void round_trip(View input) {
    RoundTrip trip;
    for (const auto& step : decode(input).steps)
        trip.run(step.packet);
}

} // namespace nat64::fuzz
