// SPDX-License-Identifier: Apache-2.0
// What conversations consist of. Each function is one step of one kind: it sends what is to be
// sent now and says when the next step is. Those who come in numbers are in floods.cpp.
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
constexpr TcpFlags kRst{TcpFlags::kRst};

} // namespace

Population::Next Population::step(std::uint32_t number) {
    if (silent_) return std::nullopt;
    switch (flows_[number].kind) {
    case Kind::Dns:
        return dns(number);
    case Kind::Web:
    case Kind::IdleTcp:
        return tcp(number);
    case Kind::Quic:
        return quic(number);
    case Kind::Ping:
        return ping(number);
    case Kind::Peers:
        return peers(number);
    case Kind::ScanFromInside:
        return scan_from_inside(number);
    case Kind::ScanFromOutside:
        return scan_from_outside(number);
    case Kind::SynFlood:
        return syn_flood(number);
    case Kind::Strangers:
        return strangers(number);
    case Kind::Large:
        return large(number);
    case Kind::Orphans:
        return orphans(number);
    case Kind::Visitors:
        return visitors(number);
    }
    return std::nullopt;
}

/// One question, one answer; one in ten gets lost, and the question is asked again.
Population::Next Population::dns(std::uint32_t number) {
    auto& flow = flows_[number];
    if (flow.step++ % 2 == 0) {
        flow.protocol = L4Proto::Udp;
        flow.server4.port = Port{53};
        from_client(number);
        return round_trip();
    }
    if (random_.one_in(10) && ++flow.tries < 3) return 2s;
    from_server(number);
    return std::nullopt;
}

Population::Next Population::ping(std::uint32_t number) {
    auto& flow = flows_[number];
    if (flow.step++ == 0) {
        flow.protocol = L4Proto::Icmp;
        flow.left = static_cast<std::uint16_t>(2 * random_.between(1, 10));
    }
    if (flow.left-- == 0) return std::nullopt;
    if (flow.left % 2 == 0) {
        from_server(number);
        return 1s;
    }
    from_client(number);
    return round_trip();
}

/// Bursts with pauses, some longer than the binding lasts: then the next packet of the client
/// gets another one, and the server goes on with the old address until it has seen that.
Population::Next Population::quic(std::uint32_t number) {
    auto& flow = flows_[number];
    if (flow.step++ == 0) {
        flow.protocol = L4Proto::Udp;
        flow.left = static_cast<std::uint16_t>(random_.between(4, 60));
        streaming_ = number;
    }
    if (flow.left-- == 0) return std::nullopt;
    if (random_.one_in(2))
        from_client(number);
    else
        from_server(number);
    return random_.one_in(8) ? between(1s, 15min) : between(1ms, 200ms);
}

// ---- TCP ----

Population::Next Population::tcp(std::uint32_t number) {
    auto& flow = flows_[number];
    if (flow.step < 3) return tcp_opens(number);
    if (flow.left > 0) return tcp_talks(number);
    return tcp_closes(number);
}

Population::Next Population::tcp_opens(std::uint32_t number) {
    auto& flow = flows_[number];
    switch (flow.step) {
    case 0:
        flow.protocol = L4Proto::Tcp;
        flow.left = static_cast<std::uint16_t>(random_.between(1, 12));
        flow.step = 1;
        from_client(number, kSyn);
        return round_trip();
    case 1:
        if (!flow.seen4 || random_.one_in(50)) { // lost: again, with longer pauses
            if (++flow.tries > 3) return std::nullopt;
            from_client(number, kSyn);
            return 1s * (1 << flow.tries);
        }
        if (random_.one_in(20)) { // nobody listens
            from_server(number, kRst);
            return std::nullopt;
        }
        flow.step = 2;
        from_server(number, kSynAck);
        return round_trip();
    default:
        flow.step = 3;
        open_tcp_[{L4Proto::Tcp, flow.client6, flow.server4}] = number;
        connected_ = number;
        from_client(number, kAck);
        return round_trip();
    }
}

Population::Next Population::tcp_talks(std::uint32_t number) {
    auto& flow = flows_[number];
    if (flow.left-- % 2 == 0)
        from_server(number, kAck);
    else
        from_client(number, kAck);
    return flow.kind == Kind::IdleTcp ? between(10min, 9h) : between(1ms, 5s);
}

Population::Next Population::tcp_closes(std::uint32_t number) {
    auto& flow = flows_[number];
    switch (flow.ending) {
    case Ending::ClientResets:
        from_client(number, kRst);
        return std::nullopt;
    case Ending::ServerResets:
        from_server(number, kRst);
        return std::nullopt;
    case Ending::Vanishes:
        return std::nullopt;
    case Ending::ClientCloses:
    case Ending::ServerCloses:
        break;
    }
    const bool client = (flow.ending == Ending::ClientCloses) == (flow.step % 2 == 1);
    const auto flags = flow.step < 5 ? kFin : kAck;
    if (client)
        from_client(number, flags);
    else
        from_server(number, flags);
    if (++flow.step > 5) return std::nullopt;
    return round_trip();
}

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
