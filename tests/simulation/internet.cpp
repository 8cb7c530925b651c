// SPDX-License-Identifier: Apache-2.0
// Every payload begins with the packet's number among those that travel with it, so that what
// leaves can be held against what was sent; that of a parcel with the parcel's.
#include "tests/simulation/internet.hpp"

#include "backends/kernel/kernel_backend.hpp"
#include "backends/userspace/userspace_backend.hpp"
#include "tests/oracle/expect.hpp"
#include "tests/simulation/allocations.hpp"
#include "tests/simulation/host_book.hpp"
#include "tests/simulation/packet_reading.hpp"
#include "tests/simulation/session_book.hpp"
#include "tests/support/rng.hpp"

#include <algorithm>
#include <array>
#include <span>
#include <utility>

namespace nat64::simulation {

namespace {

/// For the timers of one instant, with thousands to each call.
constexpr unsigned kMostCalls = 100'000;

using oracle::expect;
using rfc6146::Side;
using test::View;

TranslatorSettings translator_settings(const NaptSettings& settings) {
    TranslatorSettings translator;
    translator.prefix = settings.prefix;
    translator.wkp_strict = false; // servers are of 198.18.0.0/15
    translator.gateway4 = Ipv4Addr{203, 0, 113, 254};
    return translator;
}

std::unique_ptr<NaptBackend>
make_backend(const NaptSettings& settings, Counters& counters, Rng& rng) {
    if (settings.inner_pool)
        return std::make_unique<kernel::KernelBackend>(settings, counters, rng);
    return std::make_unique<userspace::UserspaceBackend>(settings, counters, rng);
}

std::unique_ptr<Book> make_book(const InForce& in_force) {
    if (in_force.napt.inner_pool) return std::make_unique<HostBook>(in_force);
    return std::make_unique<SessionBook>(in_force);
}

} // namespace

Internet::Internet(const NaptSettings& settings, std::uint64_t seed, Clock::time_point start)
    : in_force_{settings, translator_settings(settings), {}, start},
      rng_{test::seeded_rng(seed)},
      backend_{make_backend(settings, counters_, rng_)},
      translator_{in_force_.translator, *backend_, counters_, rng_},
      book_{make_book(in_force_)},
      now_{start},
      deadline_{start} {
    backend_->set_event_sink(&events_);
}

void Internet::Events::on_event(const Event& event) noexcept {
    const Pause pause;
    book_.on_event(event);
}

// ---- sending ----

test::PacketBuilder Internet::begin(const Shipment& s) const {
    const bool v6 = s.side == Side::V6;
    auto builder =
        v6 ? test::ipv6(s.client6.address, in_force_.napt.prefix.embed(s.server4.address))
           : test::ipv4(s.server4.address, s.mapped4.address);
    const unsigned from = (v6 ? s.client6.port : s.server4.port).value();
    const unsigned to = (v6 ? s.server4.port : s.mapped4.port).value();
    switch (s.protocol) {
    case L4Proto::Udp:
        builder.udp(from, to);
        if (s.checksum == UdpChecksum::LeftOut) builder.checksum(0);
        break;
    case L4Proto::Tcp:
        builder.tcp(from, to, s.tcp.bits);
        break;
    case L4Proto::Icmp:
        v6 ? builder.echo_request(from) : builder.echo_reply(to);
        break;
    }
    return builder;
}

test::Bytes Internet::stamped(std::size_t size, std::uint32_t number) const {
    auto payload = test::pattern(size);
    test::put32(payload, 0, number);
    test::put32(payload, 4, flushes_);
    return payload;
}

std::uint32_t Internet::next_number() const {
    return static_cast<std::uint32_t>(waiting_.size());
}

void Internet::send(const Shipment& shipment) {
    const auto payload = stamped(shipment.size, next_number());
    const auto bytes = begin(shipment).payload(View{payload}).bytes();
    waiting_.push_back({shipment, test::OwnedPacket{bytes}});
}

std::uint16_t Internet::cut(const Shipment& shipment, std::size_t piece_size) {
    const auto number = parcels_.next_number();
    Parcel parcel;
    parcel.shipment = shipment;
    parcel.payload = stamped(shipment.size, kParcel | number);
    const auto builder = begin(shipment).identification(number).payload(View{parcel.payload});
    if (piece_size == 0)
        parcel.pieces.push_back(builder.bytes());
    else
        parcel.pieces = builder.in_pieces(piece_size, number);
    parcel.sent.resize(parcel.pieces.size());
    parcel.needs_whole =
        shipment.protocol == L4Proto::Icmp || shipment.checksum == UdpChecksum::LeftOut;
    parcels_.add(number, std::move(parcel), now_);
    return number;
}

std::size_t Internet::pieces_of(std::uint16_t parcel) {
    return parcels_.find(parcel)->pieces.size();
}

void Internet::send_piece(std::uint16_t number, std::size_t piece) {
    const auto& parcel = *parcels_.find(number);
    waiting_.push_back({.shipment = parcel.shipment,
                        .packet = test::OwnedPacket{parcel.pieces[piece]},
                        .parcel = number,
                        .piece = piece});
}

void Internet::send_orphan(const Shipment& shipment) {
    const auto payload = stamped(shipment.size, next_number());
    const auto id = static_cast<std::uint32_t>(payload.size() * 7919 + next_number());
    const auto bytes =
        begin(shipment).payload(View{payload}).piece(8, payload.size(), id).bytes();
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

/// Whoever is asked again and again at one instant has to come to an end.
void Internet::advance(Clock::time_point now) {
    unsigned calls = 0;
    for (expire(); deadline_ <= now; expire()) {
        calls = deadline_ > now_ ? 0 : calls + 1;
        expect(calls < kMostCalls, "timers that never come to rest");
        now_ = std::max(now_, deadline_);
    }
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
    const auto ours = std::span{travelling_}.subspan(first, count);
    for (std::size_t i = 0; i < count; ++i) {
        expect_of(ours[i]);
        note_held(ours[i]);
        batch[i] = ours[i].packet.buffer();
    }
    tally_.packets += count;
    {
        const Watch watch;
        translator_.handle({batch.data(), count}, now_, *this);
    }
    check();
    for (const auto& one : ours)
        if (one.parcel)
            settle_lost_piece(one);
        else if (!one.passed)
            settle_lost(one);
}

} // namespace nat64::simulation
