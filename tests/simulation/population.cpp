// SPDX-License-Identifier: Apache-2.0
// Who comes when, and what happens to conversations from outside. Flow 0 is nobody's: its
// appointment is the next arrival.
#include "tests/simulation/population.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <numbers>
#include <numeric>
#include <utility>

namespace nat64::simulation {

namespace {

using namespace std::chrono_literals;
using rfc6146::Side;

/// Of a thousand conversations. What has hundreds of packets is rare.
constexpr std::array<unsigned, kKindNames.size()> kWeights{
    430, 300, 130, 60, 35, 20, 2, 2, 2, 2, 12, 1, 4};

/// Which of them there are behind a kernel that shares one address among all: nobody from
/// outside finds a way to a client, and clients find none to each other.
bool possible(Kind kind, const InForce& in_force) {
    const bool kernel = in_force.napt.inner_pool.has_value();
    if (kind == Kind::Visitors) return !kernel && !in_force.napt.statics.empty();
    return !kernel || (kind != Kind::Peers && kind != Kind::ScanFromOutside);
}

/// Everything happens on whole milliseconds, so that packets come in batches.
Clock::duration whole(double seconds) {
    return std::chrono::milliseconds{std::max<std::int64_t>(std::llround(seconds * 1000), 1)};
}

} // namespace

Population::Population(const Crowd& crowd, Internet& internet)
    : crowd_{crowd}, internet_{internet}, random_{crowd.seed}, flows_(1) {
    internet_.set_hosts(*this);
    schedule_.add(internet_.now() + until_next_arrival(), kNobody);
}

void Population::live(Clock::time_point until) {
    while (!schedule_.empty() && schedule_.next() <= until) {
        const auto now = schedule_.next();
        internet_.advance(now);
        while (!schedule_.empty() && schedule_.next() == now) {
            const auto who = schedule_.take();
            if (who == kNobody) {
                arrive();
            } else if (const auto next = step(who)) {
                schedule_.add(now + *next, who);
            } else {
                open_tcp_.erase({L4Proto::Tcp, flows_[who].client6, flows_[who].server4});
                flows_[who].running = false;
                ended_.push_back(who);
            }
        }
        internet_.flush();
        free_.insert(free_.end(), ended_.begin(), ended_.end());
        ended_.clear();
    }
    internet_.advance(until);
}

// ---- arrivals ----

void Population::arrive() {
    if (silent_) return;
    const auto kind = draw_kind();
    ++begun_[static_cast<std::size_t>(kind)];
    schedule_.add(internet_.now() + round_trip(), new_flow(kind));
    schedule_.add(internet_.now() + until_next_arrival(), kNobody);
}

Kind Population::draw_kind() {
    auto drawn = random_.between(1, 1000);
    for (std::size_t kind = 0; kind < kWeights.size(); ++kind) {
        if (drawn <= kWeights[kind]) {
            const auto chosen = static_cast<Kind>(kind);
            return possible(chosen, internet_.in_force()) ? chosen : Kind::Dns;
        }
        drawn -= kWeights[kind];
    }
    return Kind::Dns;
}

std::uint32_t Population::new_flow(Kind kind) {
    if (free_.empty()) {
        free_.push_back(static_cast<std::uint32_t>(flows_.size()));
        flows_.emplace_back();
    }
    const auto number = free_.back();
    free_.pop_back();
    auto& flow = flows_[number] = {};
    flow.kind = kind;
    flow.running = true;
    flow.ending = static_cast<Ending>(random_.between(0, 4));
    flow.client6 = {host(), port()};
    flow.server4 = {server(), Port{443}};
    return number;
}

/// Poisson, with a wave of a day: at its top nine times as many come as at its bottom.
Clock::duration Population::until_next_arrival() {
    const auto of_day = std::chrono::duration<double>(internet_.now().time_since_epoch() % 24h);
    const auto wave = 1 + 0.8 * std::sin(2 * std::numbers::pi * of_day / 24h);
    const auto rate = wave * crowd_.flows_per_host_and_day * crowd_.hosts / 86400;
    return whole(-std::log(1 - fraction()) / rate);
}

// ---- what hosts are told ----

void Population::at_server(const Shipment& sent, const Endpoint4& from) {
    if (sent.flow == kNobody) return;
    flows_[sent.flow].seen4 = from;
    maybe_complain({sent.flow, sent.protocol, Side::V4, {}, sent.server4, from, {}});
}

void Population::at_client(const Shipment& sent,
                           const Endpoint6& client6,
                           const Endpoint4& from) {
    if (sent.flow == kNobody) return;
    auto& flow = flows_[sent.flow];
    maybe_complain({sent.flow, sent.protocol, Side::V6, client6, from, {}, {}});
    if (flow.kind == Kind::Visitors) flow.peer6 = client6;
    if (sent.side != Side::V6) return;
    flow.peer6 = client6;
    flow.seen4 = from;
}

/// Now and then a host or a router on the way answers with an ICMP error.
void Population::maybe_complain(const Shipment& back) {
    if (silent_ || !random_.one_in(100)) return;
    internet_.send_error(back, static_cast<Trouble>(random_.between(1, 3)));
}

/// A client that is still there answers, and so keeps its session.
void Population::probed(const Endpoint6& client6, const Endpoint4& server4) {
    const auto found = open_tcp_.find({L4Proto::Tcp, client6, server4});
    if (silent_ || found == open_tcp_.end()) return;
    from_client(found->second, TcpFlags{TcpFlags::kAck});
}

// ---- sending ----

void Population::from_client(std::uint32_t number, TcpFlags tcp) {
    const auto& flow = flows_[number];
    post({number, flow.protocol, Side::V6, flow.client6, flow.server4, {}, tcp});
}

/// Where the server has heard nothing, it says nothing.
void Population::from_server(std::uint32_t number, TcpFlags tcp) {
    const auto& flow = flows_[number];
    if (!flow.seen4) return;
    Shipment shipment{number, flow.protocol, Side::V4, {}, flow.server4, *flow.seen4, tcp};
    if (flow.protocol == L4Proto::Udp && random_.one_in(20))
        shipment.checksum = UdpChecksum::LeftOut;
    post(shipment);
}

/// Most packets go whole, some in pieces; some are so large that the translator cuts them.
void Population::post(Shipment shipment) {
    shipment.size = 8 + random_.between(0, 40);
    if (!random_.one_in(60)) return internet_.send(shipment);
    shipment.size += random_.between(64, 1600);
    const bool whole = shipment.size <= 1300 && random_.one_in(4);
    const auto parcel = internet_.cut(shipment, whole ? 0 : 8 * random_.between(8, 160));
    for (const auto piece : order_of(internet_.pieces_of(parcel)))
        internet_.send_piece(parcel, piece);
}

/// Any order; of ten packets one loses a piece.
std::vector<std::uint16_t> Population::order_of(std::size_t pieces) {
    std::vector<std::uint16_t> order(pieces);
    std::iota(order.begin(), order.end(), std::uint16_t{0});
    if (random_.one_in(2))
        for (auto left = pieces; left > 1; --left)
            std::swap(order[left - 1], order[random_.between(0, left - 1)]);
    if (random_.one_in(10)) order.pop_back();
    return order;
}

// ---- chance ----

double Population::fraction() {
    return static_cast<double>(random_.bits() >> 11) * 0x1p-53;
}

/// Short ones are as likely as long ones.
Clock::duration Population::between(Clock::duration low, Clock::duration high) {
    const auto from = std::chrono::duration<double>(low).count();
    const auto to = std::chrono::duration<double>(high).count();
    return whole(from * std::pow(to / from, fraction()));
}

Clock::duration Population::round_trip() {
    return between(5ms, 300ms);
}

/// Each in a /64 of its own.
Ipv6Addr Population::host() {
    const auto& statics = internet_.in_force().napt.statics;
    if (!statics.empty() && random_.one_in(200))
        return statics[random_.between(0, statics.size() - 1)].client6.address;
    return Ipv6Addr::from_halves(0x2001'0db8'0000'0000 + random_.between(1, crowd_.hosts), 1);
}

Port Population::port() {
    return Port{static_cast<std::uint16_t>(random_.between(32768, 60999))};
}

Ipv4Addr Population::server() {
    return Ipv4Addr{static_cast<std::uint32_t>(Ipv4Addr{198, 18, 0, 0}.bits() +
                                               random_.between(0, (1U << 17) - 1))};
}

} // namespace nat64::simulation
