// SPDX-License-Identifier: Apache-2.0
// The steps of core/translator that RFC 7915 is about, without state and without RFC 6146.
#include "tests/core/rfc7915/translate.hpp"

#include "core/net/offload.hpp"
#include "core/net/packet_view.hpp"
#include "tests/support/check_packet.hpp"
#include "tests/support/describe.hpp"

#include <algorithm>

#include <doctest/doctest.h>

namespace nat64::test {

namespace {

Port port(unsigned value) {
    return Port{static_cast<std::uint16_t>(value)};
}

Ipv4Addr address4(const char* text) {
    return Ipv4Addr{get32(AnyAddress{text}.bytes, 0)};
}

Ipv6Addr address6(const char* text) {
    Ipv6Addr::Bytes bytes{};
    const auto network_order = AnyAddress{text}.bytes;
    for (std::size_t i = 0; i < bytes.size(); ++i)
        bytes[i] = get8(network_order, i);
    return Ipv6Addr{bytes};
}

unsigned server_port(const PacketView& view) {
    return view.protocol == kProtoIcmp || view.protocol == kProtoIcmpv6 ? 0 : kServerPort;
}

PacketView quoted_by(const PacketView& error) {
    const auto quoted = parse_packet(error.transport().subspan(8), Completeness::Quoted);
    REQUIRE(quoted.has_value());
    REQUIRE(quoted->has_transport_header());
    return *quoted;
}

std::expected<void, Refusal>
check(const PacketView& view, const Offload& offload, const Translate& translate) {
    if (view.family == Family::V6) return check_ipv6_to_ipv4(view, offload, translate.settings);
    return check_ipv4_to_ipv6(view, offload, translate.settings, translate.count_hop);
}

std::string text_of(const Refusal& refusal) {
    std::string text{info(refusal.reason).label};
    if (const auto& answer = refusal.answer)
        text += " " + std::to_string(answer->type) + "/" + std::to_string(answer->code) + "/" +
                std::to_string(answer->rest);
    return text;
}

} // namespace

PacketBuilder outbound6() {
    return ipv6(kClient6, kServer6);
}

PacketBuilder outbound4() {
    return ipv4(kMapped4, kServer4);
}

PacketBuilder inbound4() {
    return ipv4(kServer4, kMapped4);
}

PacketBuilder inbound6() {
    return ipv6(kServer6, kClient6);
}

rfc7915::Outgoing4 outgoing4(unsigned server_port) {
    const auto server = server_port == 0 ? kMappedPort : server_port;
    return {{address4(kMapped4), port(kMappedPort)}, {address4(kServer4), port(server)}};
}

rfc7915::Outgoing6 outgoing6(unsigned server_port) {
    const auto server = server_port == 0 ? kClientPort : server_port;
    return {{address6(kServer6), port(server)}, {address6(kClient6), port(kClientPort)}};
}

std::string Translate::verdict(const PacketBuilder& packet) const {
    auto owned = packet.packet();
    const auto view = parse_packet(owned.bytes());
    if (!view) return std::string{info(view.error()).label};
    if (const auto ok = normalize_offload(owned.buffer(), *view); !ok)
        return std::string{info(ok.error()).label};
    const auto ok = check(*view, owned.buffer().offload, *this);
    return ok ? "accepted" : text_of(ok.error());
}

std::vector<Sent> Translate::all(const PacketBuilder& packet) {
    return all(packet.bytes(), packet.offload());
}

std::vector<Sent> Translate::all(View bytes, const Offload& offload) {
    OwnedPacket owned{bytes, offload};
    auto& packet = owned.buffer();
    const auto view = parse_packet(owned.bytes());
    REQUIRE_MESSAGE(view.has_value(), describe(bytes));
    REQUIRE(normalize_offload(packet, *view).has_value());
    const auto ok = check(*view, packet.offload, *this);
    REQUIRE_MESSAGE(ok.has_value(), describe(bytes), ": ", text_of(ok.error()));
    if (view->family == Family::V6)
        outbound(packet, *view);
    else
        inbound(packet, *view);
    auto sent = queue_.take();
    for (const auto& piece : sent)
        CHECK(check_packet(piece.bytes, piece.offload) == "");
    return sent;
}

void Translate::outbound(PacketBuffer& packet, const PacketView& view) {
    const auto outgoing = outgoing4(server_port(view));
    if (view.has_transport_header() && view.is_icmp_error()) {
        const auto quoted = quoted_by(view);
        const auto inner = outgoing4(server_port(quoted));
        icmpv6_error_to_icmpv4(packet,
                               view,
                               quoted,
                               outgoing,
                               {inner.destination, inner.source},
                               settings,
                               identification_,
                               *scratch_);
    } else {
        ipv6_to_ipv4(packet, view, outgoing, settings, identification_, transport_length);
    }
    queue_.packet(packet);
}

void Translate::inbound(PacketBuffer& packet, const PacketView& view) {
    const auto outgoing = outgoing6(server_port(view));
    if (view.has_transport_header() && view.is_icmp_error()) {
        const auto quoted = quoted_by(view);
        const auto inner = outgoing6(server_port(quoted));
        icmpv4_error_to_icmpv6(packet,
                               view,
                               quoted,
                               outgoing,
                               {inner.destination, inner.source},
                               settings,
                               count_hop,
                               *scratch_);
        queue_.packet(packet);
        return;
    }
    const auto emitted = ipv4_to_ipv6(
        packet, view, outgoing, settings, count_hop, *scratch_, queue_, transport_length);
    CHECK(emitted == queue_.sent().size());
}

Sent Translate::one(const PacketBuilder& packet) {
    return one(packet.bytes(), packet.offload());
}

Sent Translate::one(View packet, const Offload& offload) {
    auto sent = all(packet, offload);
    REQUIRE(sent.size() == 1);
    return sent.front();
}

std::string compare(View actual, View expected) {
    if (std::ranges::equal(actual, expected)) return {};
    return "\n  actual   " + describe(actual) + "\n           " + hex(actual, 160) +
           "\n  expected " + describe(expected) + "\n           " + hex(expected, 160);
}

std::string compare_fresh(View actual, const PacketBuilder& expected) {
    auto builder = expected;
    return compare(actual, builder.identification(get16(actual, 4)).bytes());
}

} // namespace nat64::test
