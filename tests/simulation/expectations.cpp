// SPDX-License-Identifier: Apache-2.0
// What must become of each packet, what the books must say after each batch, and what must
// hold of everything there is.
#include "tests/invariants/audit.hpp"
#include "tests/oracle/expect.hpp"
#include "tests/simulation/allocations.hpp"
#include "tests/simulation/internet.hpp"

#include <algorithm>
#include <chrono>

namespace nat64::simulation {

namespace {

using oracle::expect;
using oracle::expect_none;
using rfc6146::Side;

} // namespace

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

} // namespace nat64::simulation
