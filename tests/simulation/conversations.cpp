// SPDX-License-Identifier: Apache-2.0
// What conversations consist of. Each function is one step of one kind: it sends what is to be
// sent now and says when the next step is. Clients that
// meet, visitors and large datagrams are in encounters.cpp, those who come in numbers in
// floods.cpp.
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

} // namespace nat64::simulation
