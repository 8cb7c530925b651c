// SPDX-License-Identifier: Apache-2.0
// Conversations that are out of the ordinary, step by step as in conversations.cpp: between
// clients, from outside, and in pieces.
#include "tests/simulation/population.hpp"

#include <algorithm>
#include <chrono>

namespace nat64::simulation {

namespace {

using namespace std::chrono_literals;
using rfc6146::Side;

constexpr TcpFlags kSyn{TcpFlags::kSyn};
constexpr TcpFlags kSynAck{TcpFlags::kSyn | TcpFlags::kAck};
constexpr TcpFlags kAck{TcpFlags::kAck};
constexpr TcpFlags kFin{TcpFlags::kFin | TcpFlags::kAck};

} // namespace

// ---- client to client ----

/// Somebody sends to the transport address that another one's server sees (RFC 6146 §3.8), and
/// is answered.
Population::Next Population::peers(std::uint32_t number) {
    auto& flow = flows_[number];
    if (flow.step++ == 0) {
        const auto& other = flows_[random_.one_in(3) ? connected_ : streaming_];
        // Its number may be somebody else's by now.
        if (!other.running || !other.seen4 || other.protocol == L4Proto::Icmp)
            return std::nullopt;
        flow.protocol = other.protocol;
        flow.server4 = *other.seen4;
        flow.left = static_cast<std::uint16_t>(random_.between(1, 20));
    }
    if (flow.left-- == 0) return std::nullopt;
    const bool answers = flow.peer6 && flow.seen4 && random_.one_in(2);
    const auto flags =
        flow.protocol == L4Proto::Tcp ? peers_flags(number, answers) : TcpFlags{};
    if (answers)
        post({kNobody, flow.protocol, Side::V6, *flow.peer6, *flow.seen4, {}, flags});
    else
        from_client(number, flags);
    return between(10ms, 10s);
}

/// A connection between two clients: SYN, SYN and ACK, data, FIN.
TcpFlags Population::peers_flags(std::uint32_t number, bool answers) {
    auto& flow = flows_[number];
    if (flow.left == 0) return kFin;
    if (answers) return flow.tries++ == 0 ? kSynAck : kAck;
    return flow.tries == 0 ? kSyn : kAck;
}

// ---- large datagrams ----

/// To a server and back, piece by piece, the pieces so far apart that a packet in four is too
/// slow.
Population::Next Population::large(std::uint32_t number) {
    auto& flow = flows_[number];
    if (flow.step++ == 0) {
        flow.protocol = random_.one_in(4) ? L4Proto::Icmp : L4Proto::Udp;
        flow.left = static_cast<std::uint16_t>(random_.between(2, 8));
    }
    if (flow.pieces.empty()) {
        if (flow.left-- == 0) return std::nullopt;
        pack(number);
    }
    internet_.send_piece(flow.parcel, flow.pieces.back());
    if (!random_.one_in(50)) flow.pieces.pop_back(); // else it goes twice
    return flow.pieces.empty() ? round_trip() : between(1ms, random_.one_in(8) ? 3s : 200ms);
}

void Population::pack(std::uint32_t number) {
    auto& flow = flows_[number];
    const bool back = flow.seen4 && random_.one_in(2);
    Shipment shipment{number,
                      flow.protocol,
                      back ? Side::V4 : Side::V6,
                      flow.client6,
                      flow.server4,
                      back ? *flow.seen4 : Endpoint4{},
                      {},
                      random_.between(100, 8000)};
    if (back && flow.protocol == L4Proto::Udp && random_.one_in(4))
        shipment.checksum = UdpChecksum::LeftOut;
    flow.parcel = internet_.cut(shipment, 8 * random_.between(16, 160));
    flow.pieces = order_of(internet_.pieces_of(flow.parcel));
    std::ranges::reverse(flow.pieces);
    if (flow.pieces.empty()) flow.pieces.push_back(0);
}

// ---- from outside ----

/// Somebody on the IPv4 side calls a static entry; if its host is there it answers.
Population::Next Population::visitors(std::uint32_t number) {
    auto& flow = flows_[number];
    if (flow.step++ == 0) return visit_begins(number);
    if (!flow.peer6 || flow.left == 0) return std::nullopt;
    const bool tcp = flow.protocol == L4Proto::Tcp;
    const auto flags = --flow.left == 0 ? kFin : flow.step == 2 ? kSynAck : kAck;
    if (flow.step % 2 == 0)
        from_host(number, tcp ? flags : TcpFlags{});
    else
        from_server(number, tcp ? flags : TcpFlags{});
    return between(5ms, 30s);
}

Population::Next Population::visit_begins(std::uint32_t number) {
    auto& flow = flows_[number];
    const auto& statics = internet_.in_force().napt.statics;
    if (statics.empty()) return std::nullopt;
    const auto& item = statics[random_.between(0, statics.size() - 1)];
    flow.protocol = item.protocol.value_or(static_cast<L4Proto>(random_.between(0, 2)));
    flow.server4.port = port();
    flow.seen4 = item.mapped4;
    if (!item.protocol) flow.seen4->port = port();
    flow.left = static_cast<std::uint16_t>(random_.between(1, 12));
    from_server(number, flow.protocol == L4Proto::Tcp ? kSyn : TcpFlags{});
    return round_trip();
}

void Population::from_host(std::uint32_t number, TcpFlags tcp) {
    const auto& flow = flows_[number];
    post({kNobody, flow.protocol, Side::V6, *flow.peer6, flow.server4, {}, tcp});
}

} // namespace nat64::simulation
