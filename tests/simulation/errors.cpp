// SPDX-License-Identifier: Apache-2.0
// ICMP errors. Those of hosts and routers about live flows are translated together with what
// they quote, and create and refresh nothing (RFC 6146 §3.5); those of the translator answer a
// packet that it did not let through.
#include "tests/simulation/internet.hpp"
#include "tests/simulation/packet_reading.hpp"

#include <algorithm>
#include <utility>

namespace nat64::simulation {

namespace {

using rfc6146::Side;
using test::get32;
using test::get8;
using test::View;

const Ipv4Addr kRouter4{198, 51, 100, 1};
const auto kRouter6 = Ipv6Addr::from_halves(0x2001'0db8'ffff'0000, 1);
constexpr std::size_t kQuotedPayload = 16;
constexpr std::uint32_t kMtu = 1400;

struct Message {
    unsigned type;
    unsigned code;
    std::uint32_t rest;
};

/// RFC 7915 §4.2 and §5.2 have these as each other's translations.
Message message4(Trouble trouble) {
    if (trouble == Trouble::HopLimit) return {11, 0, 0};
    if (trouble == Trouble::TooBig) return {3, 4, kMtu};
    return {3, 3, 0};
}

Message message6(Trouble trouble) {
    if (trouble == Trouble::HopLimit) return {3, 0, 0};
    if (trouble == Trouble::TooBig) return {2, 0, kMtu};
    return {1, 4, 0};
}

/// A packet as an error quotes it: the header that its sender wrote, and the first bytes.
test::PacketBuilder
quote(test::PacketBuilder builder, L4Proto protocol, Port from, Port to, View payload) {
    const bool reply = from == Port{};
    switch (protocol) {
    case L4Proto::Udp:
        builder.udp(from.value(), to.value());
        break;
    case L4Proto::Tcp:
        builder.tcp(from.value(), to.value());
        break;
    case L4Proto::Icmp:
        reply ? builder.echo_reply(to.value()) : builder.echo_request(from.value());
        break;
    }
    return builder.payload(payload);
}

/// The addresses and everything behind the IP header; of that header other fields may change
/// on the way.
bool quotes(View quote, View due) {
    const std::size_t header = is_v4(due) ? 20 : 40;
    const std::size_t addresses = is_v4(due) ? 12 : 8;
    return quote.size() == due.size() && is_v4(quote) == is_v4(due) &&
           std::ranges::equal(quote.subspan(addresses, header - addresses),
                              due.subspan(addresses, header - addresses)) &&
           std::ranges::equal(quote.subspan(header), due.subspan(header));
}

} // namespace

// ---- sending ----

/// The packet that the error is about, as its receiver has seen it. Of queries the identifier
/// of the client's side is the one that counts.
test::Bytes Internet::quoted_by(const Shipment& error, View payload) const {
    const auto server6 = in_force_.napt.prefix.embed(error.server4.address);
    const bool query = error.protocol == L4Proto::Icmp;
    if (error.side == Side::V4)
        return quote(test::ipv4(error.mapped4.address, error.server4.address),
                     error.protocol,
                     error.mapped4.port,
                     error.server4.port,
                     payload)
            .bytes();
    return quote(test::ipv6(server6, error.client6.address),
                 error.protocol,
                 query ? Port{} : error.server4.port,
                 error.client6.port,
                 payload)
        .bytes();
}

void Internet::send_error(const Shipment& shipment, Trouble trouble) {
    const auto payload = stamped(kQuotedPayload, next_number());
    const auto quoted = quoted_by(shipment, payload);
    const bool router = trouble != Trouble::PortUnreachable;
    const auto& s = shipment;
    const auto [type, code, rest] = s.side == Side::V4 ? message4(trouble) : message6(trouble);
    auto builder = s.side == Side::V4
                       ? test::ipv4(router ? kRouter4 : s.server4.address, s.mapped4.address)
                       : test::ipv6(router ? kRouter6 : s.client6.address,
                                    in_force_.napt.prefix.embed(s.server4.address));
    const auto bytes = builder.icmp(type, code, rest).payload(View{quoted}).bytes();
    waiting_.push_back({shipment, test::OwnedPacket{bytes}, trouble});
}

// ---- arriving ----

/// Whose packet a quote is of, if it was sent just now.
Internet::Travelling* Internet::travelling(View packet) {
    const auto layout = test::read_layout(packet);
    const auto at = payload_of(layout);
    if (layout.fragment_offset != 0 || packet.size() < at + 8) return nullptr;
    const auto number = get32(packet, at);
    if (number >= travelling_.size() || get32(packet, at + 4) + 1 != flushes_) return nullptr;
    return &travelling_[number];
}

void Internet::settle_error(View bytes, const test::Layout& layout) {
    const auto quote = bytes.subspan(layout.transport + 8);
    auto* about = travelling(quote);
    if (about != nullptr && about->trouble != Trouble::None)
        settle_reported(*about, bytes, quote);
    else
        settle_answer(about, bytes, quote);
}

/// The translator's own: it goes to whoever sent what it quotes, which was not let through.
void Internet::settle_answer(Travelling* about, View bytes, View quote) {
    const bool v4 = is_v4(bytes);
    if (v4 ? v4_at(bytes, 16) != v4_at(quote, 12) : v6_at(bytes, 24) != v6_at(quote, 8))
        return complain("an error for somebody else", bytes);
    if (about != nullptr) {
        if (about->passed || about->answered)
            return complain("answered more than once, or passed on as well", bytes);
        about->answered = true;
    }
    ++(v4 ? tally_.answers4 : tally_.answers6);
    // The kernel routes it back to the translator; nobody's, but it must not get lost.
    if (v4 && owns(v4_at(bytes, 16)))
        waiting_.push_back({Shipment{}, test::OwnedPacket{bytes}});
}

/// What an error must quote when it has come through, built from the book; nullopt where there
/// is no binding.
std::optional<test::Bytes> Internet::quote_due(const Shipment& error, View payload) const {
    const auto& prefix = in_force_.napt.prefix;
    const auto& s = error;
    const bool query = s.protocol == L4Proto::Icmp;
    if (s.side == Side::V4 || is_hairpin(s)) {
        const auto& at = s.side == Side::V4 ? s.mapped4 : s.server4;
        const auto client6 = book_->client(s.protocol, at);
        const auto server4 = s.side == Side::V4 ? std::optional{s.server4}
                                                : book_->mapped(s.protocol, s.client6);
        if (!client6 || !server4) return std::nullopt;
        return nat64::simulation::quote(
                   test::ipv6(client6->address, prefix.embed(server4->address)),
                   s.protocol,
                   client6->port,
                   server4->port,
                   payload)
            .bytes();
    }
    const auto mapped4 = book_->mapped(s.protocol, s.client6);
    if (!mapped4) return std::nullopt;
    return nat64::simulation::quote(test::ipv4(s.server4.address, mapped4->address),
                                    s.protocol,
                                    query ? Port{} : s.server4.port,
                                    mapped4->port,
                                    payload)
        .bytes();
}

/// Somebody else's, translated.
void Internet::settle_reported(Travelling& error, View bytes, View quote) {
    if (std::exchange(error.passed, true)) return complain("sent once, arrived twice", bytes);
    const auto& sent = error.shipment;
    const auto payload = quote.subspan(payload_of(test::read_layout(quote)));
    const auto due = quote_due(sent, payload);
    const bool v4 = is_v4(bytes);
    if (!due || v4 != (sent.side == Side::V6 && !is_hairpin(sent)))
        return complain("an error of no binding", bytes);
    const auto [type, code, rest] = v4 ? message4(error.trouble) : message6(error.trouble);
    const std::size_t at = v4 ? 20 : 40;
    const bool to_sender =
        v4 ? v4_at(bytes, 16) == v4_at(*due, 12) : v6_at(bytes, 24) == v6_at(*due, 8);
    if (!to_sender || get8(bytes, at) != type || get8(bytes, at + 1) != code)
        return complain("an error that is another one", bytes);
    if (!quotes(quote, *due)) return complain("an error that quotes something else", bytes);
    ++(v4 ? tally_.errors4 : tally_.errors6);
}

} // namespace nat64::simulation
