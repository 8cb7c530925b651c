// SPDX-License-Identifier: Apache-2.0
// What leaves the translator: whose packet it is, whether it is translated as its binding
// says, and who is told.
#include "tests/simulation/allocations.hpp"
#include "tests/simulation/internet.hpp"
#include "tests/simulation/packet_reading.hpp"
#include "tests/support/check_packet.hpp"

#include <utility>

namespace nat64::simulation {

namespace {

using rfc6146::Side;
using test::get16;
using test::get32;
using test::View;

std::uint64_t mixed(std::uint64_t digest, View bytes) {
    for (std::size_t at = 0; at + 4 <= bytes.size(); at += 4)
        digest = (digest ^ get32(bytes, at)) * 0x0100'0000'01b3;
    return digest;
}

} // namespace

void Internet::packet(PacketBuffer& packet) noexcept {
    const Pause pause;
    ++emitted_;
    settle(std::as_const(packet).bytes(), packet.offload);
}

void Internet::complain(const std::string& what, View bytes) {
    if (complaint_.empty()) complaint_ = what + ": " + test::describe(bytes);
}

void Internet::settle(View bytes, const Offload& offload) {
    tally_.digest = mixed(tally_.digest, bytes);
    if (const auto bad = test::check_packet(bytes, offload); !bad.empty())
        return complain("wrong in itself, " + bad, bytes);
    const auto layout = test::read_layout(bytes);
    if (layout.is_fragment()) return settle_piece(bytes, layout, layout.identification);
    if (is_error(bytes, layout)) return settle_error(bytes, layout);
    if (payload_of(layout) == bytes.size()) return settle_probe(bytes, layout.transport);
    const auto number = get32(bytes, payload_of(layout));
    if ((number & kParcel) != 0) return settle_piece(bytes, layout, number & ~kParcel);
    settle_data(bytes, layout);
}

void Internet::settle_probe(View bytes, std::size_t transport) {
    const Endpoint6 client6{v6_at(bytes, 24), Port{get16(bytes, transport + 2)}};
    const auto server = in_force_.napt.prefix.extract(v6_at(bytes, 8));
    if (is_v4(bytes) || !server) return complain("nobody sent this", bytes);
    const Endpoint4 server4{*server, Port{get16(bytes, transport)}};
    if (!book_->lives({L4Proto::Tcp, client6, server4}))
        return complain("a probe of no session", bytes);
    ++tally_.probes;
    hosts_->probed(client6, server4);
}

void Internet::settle_data(View bytes, const test::Layout& layout) {
    const auto number = get32(bytes, payload_of(layout));
    if (number >= travelling_.size() || get32(bytes, payload_of(layout) + 4) + 1 != flushes_)
        return complain("nobody sent this", bytes);
    auto& one = travelling_[number];
    if (one.passed) return complain("sent once, arrived twice", bytes);
    if (one.answered) return complain("answered and passed on as well", bytes);
    one.passed = true;
    const auto arrival = arrive(one.shipment, bytes, layout.transport);
    if (!arrival) return;
    record(one.shipment, *arrival);
    tell(one.shipment, *arrival);
}

/// The first piece says where the packet goes; whoever it is for has it when all are there.
void Internet::settle_piece(View bytes, const test::Layout& layout, std::uint32_t number) {
    auto* parcel = parcels_.find(number);
    if (parcel == nullptr) return complain("nobody sent this piece", bytes);
    if (layout.fragment_offset == 0) {
        const auto arrival = arrive(parcel->shipment, bytes, layout.transport);
        if (!arrival) return;
        record(parcel->shipment, *arrival);
        parcel->begun = arrival;
    }
    if (parcel->whole) return;
    if (const auto bad = parcel->take(bytes); !bad.empty()) return complain(bad, bytes);
    if (!parcel->whole) return;
    ++tally_.reassembled;
    if (!parcel->begun) return complain("pieces that belong to nothing", bytes);
    tell(parcel->shipment, *parcel->begun);
}

/// Is it translated as its binding says? To a server, or to a client: from a server or, by
/// hairpin (RFC 6146 §3.8), from another client.
std::optional<Arrival>
Internet::arrive(const Shipment& sent, View bytes, std::size_t transport) {
    const bool v4 = is_v4(bytes);
    const bool hairpin = !v4 && sent.side == Side::V6;
    const auto sender4 = sent.side == Side::V6
                             ? book_->mapped(sent.protocol, sent.client6).value_or(Endpoint4{})
                             : sent.server4;
    const auto source_port = port_at(bytes, transport, sent.protocol, 0);
    const auto target_port = port_at(bytes, transport, sent.protocol, 1);
    const bool query = sent.protocol == L4Proto::Icmp;
    if (v4) {
        const bool right = sent.side == Side::V6 && v4_at(bytes, 12) == sender4.address &&
                           source_port == sender4.port &&
                           v4_at(bytes, 16) == sent.server4.address &&
                           (query || target_port == sent.server4.port);
        if (right) return Arrival{Side::V4, sent.client6, sender4};
    } else {
        const Endpoint6 client6{v6_at(bytes, 24), target_port};
        const bool right =
            v6_at(bytes, 8) == in_force_.napt.prefix.embed(sender4.address) &&
            (query || source_port == sender4.port) &&
            client6 == book_->client(sent.protocol, hairpin ? sent.server4 : sent.mapped4);
        if (right) return Arrival{Side::V6, client6, sender4};
    }
    complain("translated otherwise than its binding says", bytes);
    return std::nullopt;
}

/// A hairpin belongs to a session of either client.
void Internet::record(const Shipment& sent, const Arrival& arrival) {
    if (sent.side == Side::V6)
        book_->packet({sent.protocol, sent.client6, sent.server4}, Side::V6, sent.tcp, now_);
    if (arrival.at == Side::V4) return;
    book_->packet({sent.protocol, arrival.client6, arrival.from}, Side::V4, sent.tcp, now_);
    if (sent.side == Side::V6) ++tally_.hairpinned;
}

void Internet::tell(const Shipment& sent, const Arrival& arrival) {
    if (arrival.at == Side::V4)
        hosts_->at_server(sent, arrival.from);
    else
        hosts_->at_client(sent, arrival.client6, arrival.from);
}

} // namespace nat64::simulation
