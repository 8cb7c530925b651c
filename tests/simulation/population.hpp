// SPDX-License-Identifier: Apache-2.0
// The hosts: customers that resolve names, browse, stream, keep connections open for days,
// play with each other, and now and then somebody who scans or floods, by day more than by
// night; some packets go in pieces, some are answered with ICMP errors. Each conversation is a
// Flow with one appointment at a time; what it does then is in conversations.cpp, of those who
// come in numbers in floods.cpp. Both ends of a conversation are here: the IPv4 side answers
// what has reached it, to where it came from.
#pragma once

#include "tests/simulation/internet.hpp"
#include "tests/simulation/schedule.hpp"
#include "tests/support/rng.hpp"

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include <boost/unordered/unordered_flat_map.hpp>

namespace nat64::simulation {

struct Crowd {
    std::uint32_t hosts = 10'000;
    double flows_per_host_and_day = 10;
    std::uint64_t seed = 1;
    Prefix4 pool; ///< what scanners scan
};

enum class Kind : std::uint8_t {
    Dns,
    Web,
    Quic,
    Ping,
    IdleTcp,
    Peers,
    ScanFromInside,
    ScanFromOutside,
    SynFlood,
    Strangers, ///< a UDP flood with a source address of its own for every packet
    Large,     ///< datagrams in pieces, in any order, some lost
    Orphans,   ///< a flood of pieces that belong to nothing
    Visitors   ///< IPv4 hosts that begin to talk to a static entry
};

inline constexpr std::array<std::string_view, 13> kKindNames{"DNS",
                                                             "web",
                                                             "QUIC",
                                                             "ping",
                                                             "idle TCP",
                                                             "peers",
                                                             "scans from inside",
                                                             "scans from outside",
                                                             "SYN floods",
                                                             "floods of strangers",
                                                             "large datagrams",
                                                             "floods of pieces",
                                                             "visitors"};

class Population final : private Hosts {
public:
    Population(const Crowd& crowd, Internet& internet);

    /// Everybody lives up to `until`.
    void live(Clock::time_point until);

    /// Nobody begins anything any more, nor answers.
    void fall_silent() { silent_ = true; }

    [[nodiscard]] const std::array<std::uint64_t, kKindNames.size()>& begun() const {
        return begun_;
    }

private:
    /// How a TCP connection ends.
    enum class Ending : std::uint8_t {
        ClientCloses,
        ServerCloses,
        ClientResets,
        ServerResets,
        Vanishes
    };

    struct Flow {
        Kind kind{};
        L4Proto protocol{};
        Ending ending{};
        bool running = false;
        std::uint16_t step = 0;
        std::uint16_t left = 0;  ///< turns, or packets of a flood
        std::uint16_t tries = 0; ///< of the same packet
        Endpoint6 client6;
        Endpoint4 server4;
        std::optional<Endpoint4> seen4; ///< where the server answers to
        std::optional<Endpoint6> peer6; ///< the other client of Peers, the host of Visitors
        std::uint16_t parcel = 0;       ///< what Large is sending
        std::vector<std::uint16_t> pieces{}; ///< of it, in the order in which they go
    };

    /// How long until the next step; nullopt: there is none.
    using Next = std::optional<Clock::duration>;

    void at_server(const Shipment& sent, const Endpoint4& from) override;
    void
    at_client(const Shipment& sent, const Endpoint6& client6, const Endpoint4& from) override;
    void probed(const Endpoint6& client6, const Endpoint4& server4) override;

    void arrive();
    [[nodiscard]] Kind draw_kind();
    [[nodiscard]] std::uint32_t new_flow(Kind kind);
    [[nodiscard]] Next step(std::uint32_t number);
    [[nodiscard]] Next dns(std::uint32_t number);
    [[nodiscard]] Next ping(std::uint32_t number);
    [[nodiscard]] Next quic(std::uint32_t number);
    [[nodiscard]] Next tcp(std::uint32_t number);
    [[nodiscard]] Next tcp_opens(std::uint32_t number);
    [[nodiscard]] Next tcp_talks(std::uint32_t number);
    [[nodiscard]] Next tcp_closes(std::uint32_t number);
    [[nodiscard]] Next peers(std::uint32_t number);
    [[nodiscard]] TcpFlags peers_flags(std::uint32_t number, bool answers);
    [[nodiscard]] Next scan_from_inside(std::uint32_t number);
    [[nodiscard]] Next scan_from_outside(std::uint32_t number);
    [[nodiscard]] Next syn_flood(std::uint32_t number);
    [[nodiscard]] Next strangers(std::uint32_t number);
    [[nodiscard]] Next orphans(std::uint32_t number);
    [[nodiscard]] Next large(std::uint32_t number);
    void pack(std::uint32_t number);
    [[nodiscard]] Next visitors(std::uint32_t number);
    [[nodiscard]] Next visit_begins(std::uint32_t number);
    void from_host(std::uint32_t number, TcpFlags tcp);
    void from_client(std::uint32_t number, TcpFlags tcp = {});
    void from_server(std::uint32_t number, TcpFlags tcp = {});

    void post(Shipment shipment);
    void maybe_complain(const Shipment& back);
    [[nodiscard]] std::vector<std::uint16_t> order_of(std::size_t pieces);

    [[nodiscard]] Ipv6Addr host();
    [[nodiscard]] Port port();
    [[nodiscard]] Ipv4Addr server();
    [[nodiscard]] Clock::duration round_trip();
    [[nodiscard]] Clock::duration between(Clock::duration low, Clock::duration high);
    [[nodiscard]] Clock::duration until_next_arrival();
    [[nodiscard]] double fraction();

    Crowd crowd_;
    Internet& internet_;
    test::Random random_;
    Schedule schedule_;
    std::vector<Flow> flows_;
    std::vector<std::uint32_t> free_;
    std::vector<std::uint32_t> ended_; ///< free again after the next flush
    boost::unordered_flat_map<SessionKey, std::uint32_t, KeyHash> open_tcp_;
    std::uint32_t streaming_ = kNobody; ///< some QUIC flow, for others to meet
    std::uint32_t connected_ = kNobody; ///< some TCP connection
    bool silent_ = false;
    std::array<std::uint64_t, kKindNames.size()> begun_{};
};

} // namespace nat64::simulation
