// SPDX-License-Identifier: Apache-2.0
// Every payload begins with the packet's number among those that travel with it, so that what
// leaves can be held against what was sent.
#include "tests/simulation/internet.hpp"

#include "core/net/headers.hpp"
#include "tests/invariants/audit.hpp"
#include "tests/oracle/expect.hpp"
#include "tests/simulation/allocations.hpp"
#include "tests/support/check_packet.hpp"
#include "tests/support/rng.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <span>
#include <utility>

namespace nat64::simulation {

namespace {

using oracle::expect;
using oracle::expect_none;
using rfc6146::Side;
using test::Bytes;
using test::get16;
using test::get32;
using test::get8;
using test::View;

Ipv4Addr v4_at(View bytes, std::size_t at) {
    return Ipv4Addr{get32(bytes, at)};
}

Ipv6Addr v6_at(View bytes, std::size_t at) {
    Ipv6Addr::Bytes address{};
    for (auto& byte : address)
        byte = get8(bytes, at++);
    return Ipv6Addr{address};
}

bool is_v4(View bytes) {
    return get8(bytes, 0) >> 4 == 4;
}

bool is_error(View bytes, const test::Layout& layout) {
    const auto type = get8(bytes, layout.transport);
    if (layout.protocol == kProtoIcmpv6) return type < 128;
    return layout.protocol == kProtoIcmp && type != 0 && type != 8;
}

/// Where the payload begins, in packets as they are built here.
std::size_t payload_of(const test::Layout& layout) {
    return layout.transport + (layout.protocol == kProtoTcp ? 20 : 8);
}

/// The port of an end, or the identifier of a query, which both ends share.
Port port_at(View bytes, std::size_t transport, L4Proto protocol, std::size_t which) {
    return Port{get16(bytes, transport + (protocol == L4Proto::Icmp ? 4 : 2 * which))};
}

TranslatorSettings translator_settings(const NaptSettings& settings) {
    TranslatorSettings translator;
    translator.prefix = settings.prefix;
    translator.wkp_strict = false; // servers are of 198.18.0.0/15
    translator.gateway4 = Ipv4Addr{203, 0, 113, 254};
    return translator;
}

std::uint64_t mixed(std::uint64_t digest, View bytes) {
    for (std::size_t at = 0; at + 4 <= bytes.size(); at += 4)
        digest = (digest ^ get32(bytes, at)) * 0x0100'0000'01b3;
    return digest;
}

} // namespace

Internet::Internet(const NaptSettings& settings, std::uint64_t seed, Clock::time_point start)
    : settings_{settings},
      translator_settings_{translator_settings(settings)},
      rng_{test::seeded_rng(seed)},
      backend_{settings_, counters_, rng_},
      translator_{translator_settings_, backend_, counters_, rng_},
      book_{settings_},
      now_{start},
      deadline_{start} {
    backend_.set_event_sink(&events_);
}

void Internet::Events::on_event(const Event& event) noexcept {
    const Pause pause;
    book_.on_event(event);
}

// ---- sending ----

test::PacketBuilder Internet::begin(const Shipment& s) const {
    if (s.side == Side::V4) return test::ipv4(s.server4.address, s.mapped4.address);
    return test::ipv6(s.client6.address, settings_.prefix.embed(s.server4.address));
}

void Internet::send(const Shipment& shipment) {
    const bool v6 = shipment.side == Side::V6;
    const unsigned from = (v6 ? shipment.client6.port : shipment.server4.port).value();
    const unsigned to = (v6 ? shipment.server4.port : shipment.mapped4.port).value();
    auto builder = begin(shipment);
    switch (shipment.protocol) {
    case L4Proto::Udp:
        builder.udp(from, to);
        break;
    case L4Proto::Tcp:
        builder.tcp(from, to, shipment.tcp.bits);
        break;
    case L4Proto::Icmp:
        v6 ? builder.echo_request(from) : builder.echo_reply(to);
        break;
    }
    auto payload = test::pattern(shipment.size);
    test::put32(payload, 0, static_cast<std::uint32_t>(waiting_.size()));
    test::put32(payload, 4, flushes_);
    const auto bytes = builder.payload(View{payload}).bytes();
    waiting_.push_back({shipment, test::OwnedPacket{bytes}});
}

// ---- time and batches ----

void Internet::expire() {
    {
        const Watch watch;
        deadline_ = translator_.expire(now_, Budget{}, *this);
    }
    check();
}

void Internet::advance(Clock::time_point now) {
    for (expire(); deadline_ <= now; expire())
        now_ = std::max(now_, deadline_);
    now_ = std::max(now_, now);
}

void Internet::flush() {
    travelling_ = std::exchange(waiting_, {});
    ++flushes_;
    for (std::size_t first = 0; first < travelling_.size(); first += kMaxBatch)
        hand_over(first, std::min(kMaxBatch, travelling_.size() - first));
    travelling_.clear();
}

void Internet::hand_over(std::size_t first, std::size_t count) {
    std::array<PacketBuffer, kMaxBatch> batch;
    for (std::size_t i = 0; i < count; ++i) {
        auto& one = travelling_[first + i];
        one.must_pass = has_session(one.shipment);
        batch[i] = one.packet.buffer();
    }
    tally_.packets += count;
    {
        const Watch watch;
        translator_.handle({batch.data(), count}, now_, *this);
    }
    check();
    for (const auto& one : std::span{travelling_}.subspan(first, count))
        if (!one.passed) settle_lost(one);
}

/// Half of a hairpin may be lost: the sender's session has seen its packet all the same.
void Internet::settle_lost(const Travelling& one) {
    const auto& sent = one.shipment;
    expect(!one.must_pass, "a packet of a live session is lost");
    if (sent.side == Side::V6 && owns(sent.server4.address))
        book_.packet({sent.protocol, sent.client6, sent.server4}, Side::V6, sent.tcp, now_);
}

bool Internet::has_session(const Shipment& s) const {
    if (s.side == Side::V6)
        return !owns(s.server4.address) && book_.lives({s.protocol, s.client6, s.server4});
    const auto client6 = book_.client(s.protocol, s.mapped4);
    return client6 && book_.lives({s.protocol, *client6, s.server4});
}

void Internet::check() {
    expect_none(complaint_);
    expect_none(book_.complaint());
    expect_none(test::check_books(counters_, emitted_));
    expect(allocations() == 0, "memory was allocated for a packet or a timer");
}

void Internet::inspect() {
    advance(now_);
    expect_none(test::audit(backend_, settings_, counters_, now_));
    expect_none(book_.check(backend_, now_));
}

void Internet::finish() {
    inspect();
    const auto& t = settings_.timeouts;
    // An established session is probed first; hosts may answer.
    const auto longest = std::max({t.udp, t.icmp, t.tcp_established + t.tcp_transitory});
    advance(now_ + longest + std::chrono::minutes{1});
    expect(book_.sessions() == 0 && book_.bindings() == 0, "something outlives its lifetime");
    expect(test::unaccounted(counters_) == 0, "a packet is held for ever");
    inspect();
}

// ---- what leaves ----

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
    if (is_error(bytes, layout)) return settle_error(bytes);
    if (payload_of(layout) == bytes.size()) return settle_probe(bytes, layout.transport);
    settle_data(bytes, layout);
}

/// An error goes to whoever sent what it quotes.
void Internet::settle_error(View bytes) {
    if (is_v4(bytes)) {
        const auto to = v4_at(bytes, 16);
        if (to != v4_at(bytes, 20 + 8 + 12)) complain("an error for somebody else", bytes);
        ++tally_.errors4;
        // The kernel routes it back to the translator; nobody's, but it must not get lost.
        if (owns(to)) waiting_.push_back({Shipment{}, test::OwnedPacket{bytes}});
        return;
    }
    if (v6_at(bytes, 24) != v6_at(bytes, 40 + 8 + 8))
        complain("an error for somebody else", bytes);
    ++tally_.errors6;
}

void Internet::settle_probe(View bytes, std::size_t transport) {
    const Endpoint6 client6{v6_at(bytes, 24), Port{get16(bytes, transport + 2)}};
    const auto server = settings_.prefix.extract(v6_at(bytes, 8));
    if (is_v4(bytes) || !server) return complain("nobody sent this", bytes);
    const Endpoint4 server4{*server, Port{get16(bytes, transport)}};
    if (!book_.lives({L4Proto::Tcp, client6, server4}))
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
    one.passed = true;
    if (is_v4(bytes))
        settle_at_server(one, bytes, layout.transport);
    else
        settle_at_client(one, bytes, layout.transport);
}

void Internet::settle_at_server(Travelling& one, View bytes, std::size_t transport) {
    const auto& sent = one.shipment;
    const Endpoint4 from{v4_at(bytes, 12), port_at(bytes, transport, sent.protocol, 0)};
    const auto to = v4_at(bytes, 16);
    if (sent.side != Side::V6 || to != sent.server4.address ||
        from != book_.mapped(sent.protocol, sent.client6))
        return complain("translated otherwise than its binding says", bytes);
    book_.packet({sent.protocol, sent.client6, sent.server4}, Side::V6, sent.tcp, now_);
    hosts_->at_server(sent, from);
}

/// From a server, or from another client by hairpin (RFC 6146 §3.8): then it belongs to a
/// session of either client.
void Internet::settle_at_client(Travelling& one, View bytes, std::size_t transport) {
    const auto& sent = one.shipment;
    auto from = sent.server4;
    auto mapped4 = sent.mapped4;
    if (sent.side == Side::V6) {
        ++tally_.hairpinned;
        from = book_.mapped(sent.protocol, sent.client6).value_or(Endpoint4{});
        mapped4 = sent.server4;
        book_.packet({sent.protocol, sent.client6, sent.server4}, Side::V6, sent.tcp, now_);
    }
    const Endpoint6 client6{v6_at(bytes, 24), port_at(bytes, transport, sent.protocol, 1)};
    const auto port = port_at(bytes, transport, sent.protocol, 0);
    const bool same_port = sent.protocol == L4Proto::Icmp || port == from.port;
    if (v6_at(bytes, 8) != settings_.prefix.embed(from.address) || !same_port ||
        client6 != book_.client(sent.protocol, mapped4))
        return complain("translated otherwise than its binding says", bytes);
    book_.packet({sent.protocol, client6, from}, Side::V4, sent.tcp, now_);
    hosts_->at_client(sent, client6, from);
}

} // namespace nat64::simulation
