// SPDX-License-Identifier: Apache-2.0
// Every payload begins with the packet's number among those that travel with it, so that what
// leaves can be held against what was sent; that of a parcel with the parcel's.
#include "tests/simulation/internet.hpp"

#include "backends/kernel/kernel_backend.hpp"
#include "backends/userspace/userspace_backend.hpp"
#include "tests/invariants/audit.hpp"
#include "tests/oracle/expect.hpp"
#include "tests/simulation/allocations.hpp"
#include "tests/simulation/host_book.hpp"
#include "tests/simulation/packet_reading.hpp"
#include "tests/simulation/session_book.hpp"
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

/// What must become of it.
void Internet::expect_of(Travelling& one) {
    if (one.parcel)
        expect_of_piece(one, *parcels_.find(*one.parcel));
    else if (one.trouble != Trouble::None)
        one.must_pass = has_binding(one.shipment);
    else
        one.must_pass = has_session(one.shipment);
}

void Internet::expect_of_piece(const Travelling& one, Parcel& parcel) {
    if (std::ranges::none_of(parcel.sent, [](bool sent) { return sent; })) {
        parcel.first = now_;
        parcel.patience = in_force_.translator.fragment_timeout;
        parcel.made_way = made_way();
    }
    if (parcel.decides(one.piece)) parcel.required = has_session(parcel.shipment);
    parcel.repeated = parcel.repeated || parcel.sent[one.piece];
    parcel.sent[one.piece] = true;
}

/// A SYN that nobody expects is held for a while, and so is a piece without the first one.
void Internet::note_held(const Travelling& one) {
    const auto& sent = one.shipment;
    if (one.trouble != Trouble::None) return;
    if (one.parcel || test::read_layout(one.packet.bytes()).is_fragment()) pieces_.add(now_);
    if (sent.tcp.syn() && (sent.side == Side::V4 || is_hairpin(sent))) syns_.add(now_);
}

/// Half of a hairpin may be lost: the sender's session has seen its packet all the same.
void Internet::settle_lost(const Travelling& one) {
    const auto& sent = one.shipment;
    expect(!one.must_pass, "a packet of a live session is lost");
    if (one.trouble == Trouble::None && is_hairpin(sent))
        book_->packet({sent.protocol, sent.client6, sent.server4}, Side::V6, sent.tcp, now_);
}

/// All pieces of a live session arrive if they were sent in time and nothing had to make way.
void Internet::settle_lost_piece(const Travelling& one) {
    auto& parcel = *parcels_.find(*one.parcel);
    const auto& sent = parcel.shipment;
    if (!parcel.begun && !parcel.needs_whole && one.piece == 0 && is_hairpin(sent))
        book_->packet({sent.protocol, sent.client6, sent.server4}, Side::V6, sent.tcp, now_);
    const auto patience = std::min(parcel.patience, in_force_.translator.fragment_timeout);
    const bool in_time = now_ - parcel.first < patience && made_way() == parcel.made_way;
    if (parcel.required && parcel.all_sent() && !parcel.repeated && in_time)
        expect(parcel.whole, "a packet of a live session is lost in pieces");
}

std::uint64_t Internet::made_way() const {
    return counters_.drops[static_cast<std::size_t>(DropReason::FragmentLimit)].value();
}

bool Internet::is_hairpin(const Shipment& s) const {
    return s.side == Side::V6 && owns(s.server4.address);
}

bool Internet::has_session(const Shipment& s) const {
    if (s.side == Side::V6)
        return !owns(s.server4.address) && book_->lives({s.protocol, s.client6, s.server4});
    const auto client6 = book_->client(s.protocol, s.mapped4);
    return client6 && book_->lives({s.protocol, *client6, s.server4});
}

/// Enough for an ICMP error, if its sender may talk to whom it is for.
bool Internet::has_binding(const Shipment& s) const {
    if (is_hairpin(s)) return false;
    if (s.side == Side::V4) return book_->client(s.protocol, s.mapped4).has_value();
    return book_->mapped(s.protocol, s.client6).has_value() &&
           !in_force_.rules.forbid(s.client6.address, s.server4.address);
}

// ---- checking ----

void Internet::check() {
    expect_none(complaint_);
    expect_none(book_->complaint());
    expect_none(test::check_books(counters_, emitted_));
    const auto syns =
        syns_.most(now_, in_force_.napt.timeouts.tcp_incoming_syn + 2 * Tick::kLength);
    const auto pieces = pieces_.most(now_, in_force_.translator.fragment_timeout);
    expect(test::unaccounted(counters_) <= static_cast<std::int64_t>(syns + pieces),
           "something is held for too long");
    expect(allocations() == 0, "memory was allocated for a packet or a timer");
}

void Internet::inspect() {
    advance(now_);
    expect_none(test::audit(*backend_, in_force_.napt, counters_, now_));
    expect_none(book_->check(*backend_, now_));
}

void Internet::finish() {
    inspect();
    const auto& t = in_force_.napt.timeouts;
    // An established session is probed first; hosts may answer.
    auto longest = std::max({t.udp, t.icmp, t.tcp_established + t.tcp_transitory});
    // The kernel may remember flows from before a reload.
    if (in_force_.napt.inner_pool) longest *= 3;
    advance(now_ + longest + std::chrono::minutes{1});
    expect(book_->sessions() == 0 && book_->is_empty(), "something outlives its lifetime");
    expect(test::unaccounted(counters_) == 0, "a packet is held for ever");
    inspect();
}

// ---- the operator ----

void Internet::reload(const InForce& wanted) {
    in_force_ = wanted;
    in_force_.since = now_;
    in_force_.translator.prefix = in_force_.napt.prefix;
    std::ranges::sort(in_force_.napt.statics);
    std::ranges::sort(in_force_.napt.withheld);
    auto settings = in_force_.napt;
    expect(backend_->apply(settings, now_).empty(), "a change that is possible is refused");
    backend_->exchange_policy(
        std::make_shared<const Policy>(in_force_.rules.settings(), std::span<Ipv4Addr>{}));
    translator_.apply(in_force_.translator);
    book_->changed();
    ++tally_.reloads;
    inspect();
}

void Internet::reload_refused() {
    auto settings = in_force_.napt;
    settings.prefix = *rfc6052::Nat64Prefix::from(*Prefix6::parse("2001:db8:64::/96"));
    settings.timeouts.udp = std::chrono::hours{1};
    settings.statics.clear();
    const auto fixed = backend_->apply(settings, now_);
    expect(std::ranges::find(fixed, "prefix") != fixed.end(), "another prefix is not refused");
    inspect();
}

void Internet::end_sessions(const Prefix6& clients) {
    in_force_.flushing = Filter{};
    in_force_.flushing->client = clients;
    Flushed flushed;
    const auto before = book_->sessions();
    for (std::optional<Cursor> cursor = 0; cursor;)
        cursor = backend_->flush(*cursor, *in_force_.flushing, Budget{}, now_, flushed);
    in_force_.flushing.reset();
    expect(before - book_->sessions() == flushed.sessions, "sessions ended are not as told");
    inspect();
}

} // namespace nat64::simulation
