// SPDX-License-Identifier: Apache-2.0
// core/net/packet_view: whatever parses has every offset within bounds, where a plain reading
// of the headers finds it; a whole packet that parses also parses as a quoted one.
#include "core/net/offload.hpp"
#include "core/net/packet_view.hpp"
#include "fuzz/script.hpp"
#include "fuzz/targets.hpp"
#include "tests/oracle/expect.hpp"
#include "tests/support/describe.hpp"
#include "tests/support/owned_packet.hpp"

#include <algorithm>

namespace nat64::fuzz {

namespace {

using oracle::expect;

std::size_t transport_header(const PacketView& view) {
    L4Proto protocol{};
    if (!view.has_transport_header() || !view.l4(protocol)) return 0;
    return protocol == L4Proto::Tcp ? sizeof(TcpHeader) : 8;
}

void check_bounds(const PacketView& view, View bytes, Completeness completeness) {
    expect(view.bytes.data() == bytes.data() && view.bytes.size() <= bytes.size(),
           "a view within the packet");
    expect(view.transport_offset <= view.bytes.size(), "transport offset");
    expect(view.length >= view.bytes.size(), "length");
    expect(view.fragment_header_offset + 8U <= view.bytes.size() || !view.has_fragment_header,
           "fragment header offset");
    expect(view.segments_left_offset < view.bytes.size(), "offset of segments left");
    const auto least = completeness == Completeness::Whole
                           ? transport_header(view)
                           : std::min<std::size_t>(transport_header(view), 8);
    expect(view.transport().size() >= least, "transport header");
    if (completeness == Completeness::Whole)
        expect(view.length == view.bytes.size(), "length of a whole packet");
}

void check_meaning(const PacketView& view) {
    const auto layout = test::read_layout(view.bytes);
    expect(layout.problem.empty(), "a plain reading finds a problem");
    expect(layout.version == (view.family == Family::V4 ? 4U : 6U), "version");
    expect(layout.length == view.length, "length as it is read");
    expect(layout.protocol == view.protocol, "protocol");
    expect(layout.transport == view.transport_offset, "transport as it is read");
    expect(layout.fragment_offset == view.fragment_offset, "fragment offset");
    expect(layout.more_fragments == view.more_fragments, "more fragments");
    if (view.family == Family::V4 || view.has_fragment_header)
        expect(layout.identification == view.fragment_id, "identification");
}

void parse(View bytes, const Offload& offload) {
    for (const auto completeness : {Completeness::Whole, Completeness::Quoted}) {
        const auto view = parse_packet(bytes, completeness);
        if (!view) continue;
        check_bounds(*view, bytes, completeness);
        check_meaning(*view);
        if (completeness == Completeness::Quoted) continue;
        expect(parse_packet(view->bytes, Completeness::Quoted).has_value(),
               "a whole packet may be quoted");
        test::OwnedPacket owned{view->bytes, offload};
        const auto own = parse_packet(owned.bytes());
        expect(own.has_value(), "a packet parses without its padding");
        (void)normalize_offload(owned.buffer(), *own);
        expect(parse_packet(owned.bytes()).has_value(), "normalizing leaves a packet");
    }
}

} // namespace

void packet_parse(View input) {
    for (const auto& step : decode(input).steps)
        parse(step.packet, step.has_offload ? step.offload : Offload{});
}

} // namespace nat64::fuzz
