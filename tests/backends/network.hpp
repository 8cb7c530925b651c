// SPDX-License-Identifier: Apache-2.0
// A backend with time, counters and notes around it, and short words for what tests do to it:
// out() is a packet from the IPv6 side, in() one from the IPv4 side. Works through NaptBackend
// only, so that every backend can be put in.
#pragma once

#include "core/counters.hpp"
#include "core/napt_backend.hpp"
#include "core/random.hpp"
#include "tests/support/fake_clock.hpp"
#include "tests/support/owned_packet.hpp"
#include "tests/support/rng.hpp"

#include <algorithm>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace nat64::test {

using namespace std::chrono_literals;

inline constexpr TcpFlags kNoFlags{};
inline constexpr TcpFlags kSyn{TcpFlags::kSyn};
inline constexpr TcpFlags kAck{TcpFlags::kAck};
inline constexpr TcpFlags kSynAck{TcpFlags::kSyn | TcpFlags::kAck};
inline constexpr TcpFlags kFin{TcpFlags::kFin | TcpFlags::kAck};
inline constexpr TcpFlags kRst{TcpFlags::kRst};

[[nodiscard]] inline Ipv4Addr v4(const char* text) {
    return Ipv4Addr::parse(text).value();
}

[[nodiscard]] inline Endpoint4 ep4(const char* address, unsigned port = 0) {
    return {v4(address), Port{static_cast<std::uint16_t>(port)}};
}

[[nodiscard]] inline Endpoint6 ep6(unsigned host, unsigned port = 40000) {
    return {Ipv6Addr::from_halves(0x2001'0db8'0000'0001, host),
            Port{static_cast<std::uint16_t>(port)}};
}

[[nodiscard]] inline PoolItem
pool_item(const char* prefix, unsigned first = 1, unsigned last = 65535) {
    return {Prefix4::parse(prefix).value(),
            {Port{static_cast<std::uint16_t>(first)}, Port{static_cast<std::uint16_t>(last)}}};
}

/// A reload's settings, as the daemon hands them over.
[[nodiscard]] inline std::vector<std::string_view>
apply(NaptBackend& backend, NaptSettings settings, Clock::time_point now) {
    std::ranges::sort(settings.statics);
    return backend.apply(settings, now);
}

/// One public address, and room for a few thousand sessions.
[[nodiscard]] inline NaptSettings small_settings() {
    NaptSettings settings;
    settings.pool = {pool_item("192.0.2.1")};
    settings.limits.sessions = 4000;
    return settings;
}

[[nodiscard]] inline Filter only(L4Proto protocol) {
    Filter filter;
    filter.protocol = protocol;
    return filter;
}

/// What became of a packet, as one line: "ok", "held", "no_binding", "filtered 3/13".
struct Outcome {
    std::optional<Binding> binding;
    std::string verdict;
};

[[nodiscard]] inline Outcome outcome(const Resolved& resolved) {
    if (resolved) return {*resolved, "ok"};
    if (std::holds_alternative<Held>(resolved.error())) return {{}, "held"};
    const auto& refusal = std::get<Refusal>(resolved.error());
    std::string verdict{info(refusal.reason).label};
    if (refusal.answer)
        verdict += " " + std::to_string(refusal.answer->type) + "/" +
                   std::to_string(refusal.answer->code);
    return {{}, verdict};
}

class Notes final : public Originator, public EventSink {
public:
    void tcp_probe(const Endpoint6& client6, const Endpoint4& server4) noexcept override {
        probes.emplace_back(client6, server4);
    }

    void syn_expired(PacketBuffer& syn) noexcept override {
        expired.emplace_back(syn.bytes().begin(), syn.bytes().end());
    }

    void syn_superseded() noexcept override { ++superseded; }

    void on_event(const Event& event) noexcept override { events.push_back(event); }

    std::vector<std::pair<Endpoint6, Endpoint4>> probes;
    std::vector<Bytes> expired;
    std::size_t superseded = 0;
    std::vector<Event> events;
};

using MakeBackend =
    std::function<std::unique_ptr<NaptBackend>(const NaptSettings&, Counters&, Rng&)>;

class Network {
public:
    Network(const NaptSettings& settings, const MakeBackend& make, std::uint64_t seed = 1)
        : rng{seeded_rng(seed)}, backend{make(settings, counters, rng)} {
        backend->set_event_sink(&notes);
    }

    Outcome out(L4Proto protocol,
                const Endpoint6& client6,
                const Endpoint4& server4,
                TcpFlags tcp = kSyn) {
        OutboundFlow flow;
        flow.client6 = client6;
        flow.server4 = server4;
        flow.protocol = protocol;
        flow.tcp = tcp;
        flow.bytes = 100;
        return outcome(backend->resolve_outbound(flow, clock.now()));
    }

    Outcome in(L4Proto protocol,
               const Endpoint4& server4,
               const Endpoint4& mapped4,
               TcpFlags tcp = kSyn) {
        InboundFlow flow;
        flow.server4 = server4;
        flow.mapped4 = mapped4;
        flow.protocol = protocol;
        flow.tcp = tcp;
        flow.bytes = 100;
        OwnedPacket packet{pattern(60, server4.port.value())};
        return outcome(backend->resolve_inbound(flow, packet.buffer(), clock.now()));
    }

    /// Time passes and timers run.
    void pass(Clock::duration by) {
        clock.advance(by);
        expire();
    }

    /// Runs timers in steps until none is left for now.
    void expire() {
        while (backend->expire(clock.now(), {}, notes) <= clock.now()) {
        }
    }

    [[nodiscard]] std::vector<SessionRow> sessions(const Filter& filter = {}) const {
        std::vector<SessionRow> rows;
        rows.reserve(100'000);
        std::optional<Cursor> cursor = 0;
        while (cursor)
            cursor = backend->snapshot(*cursor, filter, {}, clock.now(), rows);
        return rows;
    }

    [[nodiscard]] std::vector<BindingRow> bindings(const Filter& filter = {}) const {
        std::vector<BindingRow> rows;
        rows.reserve(100'000);
        std::optional<Cursor> cursor = 0;
        while (cursor)
            cursor = backend->snapshot(*cursor, filter, {}, rows);
        return rows;
    }

    /// The state of the only session there is: "" if there is not exactly one.
    [[nodiscard]] std::string state() const {
        const auto rows = sessions();
        return rows.size() == 1 ? std::string{rfc6146::name_of(rows[0].state)} : "";
    }

    Counters counters;
    Rng rng;
    FakeClock clock;
    Notes notes;
    std::unique_ptr<NaptBackend> backend;
};

} // namespace nat64::test
