// SPDX-License-Identifier: Apache-2.0
// Those who come in numbers: scans and floods, step by step as in conversations.cpp.
#include "tests/simulation/population.hpp"

#include <chrono>

namespace nat64::simulation {

namespace {

using namespace std::chrono_literals;
using rfc6146::Side;

constexpr TcpFlags kSyn{TcpFlags::kSyn};
constexpr TcpFlags kRst{TcpFlags::kRst};

} // namespace

/// One socket, many servers; some refuse.
Population::Next Population::scan_from_inside(std::uint32_t number) {
    auto& flow = flows_[number];
    if (flow.step++ == 0) {
        flow.protocol = L4Proto::Tcp;
        flow.left = static_cast<std::uint16_t>(random_.between(50, 500));
    }
    if (flow.seen4 && random_.one_in(3)) from_server(number, kRst);
    if (flow.left-- == 0) return std::nullopt;
    flow.server4.address = server();
    flow.seen4.reset();
    from_client(number, kSyn);
    return 5ms;
}

Population::Next Population::scan_from_outside(std::uint32_t number) {
    auto& flow = flows_[number];
    if (flow.step++ == 0) {
        flow.protocol = random_.one_in(2) ? L4Proto::Tcp : L4Proto::Udp;
        flow.left = static_cast<std::uint16_t>(random_.between(50, 500));
        flow.server4.port = port();
    }
    if (flow.left-- == 0) return std::nullopt;
    const auto hosts = (std::uint64_t{1} << (32 - crowd_.pool.length())) - 1;
    const auto address = crowd_.pool.address().bits() + random_.between(0, hosts);
    flow.seen4 = Endpoint4{Ipv4Addr{static_cast<std::uint32_t>(address)},
                           Port{static_cast<std::uint16_t>(random_.between(1, 65535))}};
    from_server(number, kSyn);
    return 2ms;
}

/// One customer, made-up addresses in its /64.
Population::Next Population::syn_flood(std::uint32_t number) {
    auto& flow = flows_[number];
    if (flow.step++ == 0) {
        flow.protocol = L4Proto::Tcp;
        flow.left = static_cast<std::uint16_t>(random_.between(200, 2000));
    }
    if (flow.left-- == 0) return std::nullopt;
    flow.client6 = {Ipv6Addr::from_halves(flow.client6.address.high(), random_.bits()), port()};
    from_client(number, kSyn);
    return 1ms;
}

/// Customers that there are not.
Population::Next Population::strangers(std::uint32_t number) {
    auto& flow = flows_[number];
    if (flow.step++ == 0) {
        flow.protocol = L4Proto::Udp;
        flow.left = static_cast<std::uint16_t>(random_.between(200, 2000));
    }
    if (flow.left-- == 0) return std::nullopt;
    flow.client6 = {Ipv6Addr::from_halves(0x3fff'0000'0000'0000 | random_.bits() >> 20, 1),
                    port()};
    from_client(number);
    return 1ms;
}

/// One customer, pieces of datagrams that never become whole.
Population::Next Population::orphans(std::uint32_t number) {
    auto& flow = flows_[number];
    if (flow.step++ == 0) {
        flow.protocol = L4Proto::Udp;
        flow.left = static_cast<std::uint16_t>(random_.between(200, 2000));
    }
    if (flow.left-- == 0) return std::nullopt;
    flow.client6 = {Ipv6Addr::from_halves(flow.client6.address.high(), random_.bits()), port()};
    internet_.send_orphan({number,
                           flow.protocol,
                           Side::V6,
                           flow.client6,
                           flow.server4,
                           {},
                           {},
                           64 + random_.between(0, 900)});
    return 1ms;
}

} // namespace nat64::simulation
