// SPDX-License-Identifier: Apache-2.0
// What a backend must know by what it has said (its events) and done (the packets that left):
// who is mapped to what, which sessions live, in which state of RFC 6146 §3.5.2.2 and until
// when. Written from the RFC and not from the program, with plain maps. Whatever the backend
// says or does that does not fit is a complaint.
#pragma once

#include "core/napt_backend.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>

namespace nat64::simulation {

struct SessionKey {
    L4Proto protocol{};
    Endpoint6 client6;
    Endpoint4 server4; ///< of an ICMP session without identifier

    friend bool operator==(const SessionKey&, const SessionKey&) = default;
};

struct KeyHash {
    std::size_t operator()(const SessionKey& key) const noexcept;
};

[[nodiscard]] std::string text(const SessionKey& key);

class SessionBook final : public EventSink {
public:
    explicit SessionBook(const NaptSettings& settings) : settings_{settings} {}

    void on_event(const Event& event) noexcept override;

    /// A packet from `side` was let through. Without session it changes nothing.
    void packet(SessionKey key, rfc6146::Side side, TcpFlags tcp, Clock::time_point now);

    [[nodiscard]] bool lives(SessionKey key) const;
    [[nodiscard]] std::optional<Endpoint4> mapped(L4Proto protocol,
                                                  const Endpoint6& client6) const;
    [[nodiscard]] std::optional<Endpoint6> client(L4Proto protocol,
                                                  const Endpoint4& mapped4) const;

    /// Nothing outlives its lifetime, no client has more than its limits, and the backend
    /// lists the same sessions, in the same states and with the same time left. To be asked
    /// when timers have run.
    [[nodiscard]] std::string check(const NaptBackend& backend, Clock::time_point now);

    /// The first one; empty if there was none.
    [[nodiscard]] const std::string& complaint() const { return complaint_; }

    [[nodiscard]] std::size_t sessions() const { return sessions_.size(); }

    [[nodiscard]] std::size_t most_sessions() const { return most_sessions_; }

    [[nodiscard]] std::size_t bindings() const { return bindings_.size(); }

private:
    struct Known {
        rfc6146::SessionState state{};
        rfc6146::SessionState told{}; ///< by the latest event
        Clock::time_point refreshed;
        Clock::duration lifetime{};
        bool inbound = false; ///< began on the IPv4 side
    };

    struct Mapping {
        Endpoint4 mapped4;
        std::uint32_t sessions = 0;
    };

    void binding_created(const Event& event);
    void binding_deleted(const Event& event);
    void session_created(const Event& event);
    void session_changed(const Event& event);
    void session_deleted(const Event& event);
    void ends_in_time(const Known& known, const SessionKey& key, Clock::time_point when);
    void complain(const std::string& what);
    [[nodiscard]] std::string check_limits() const;
    [[nodiscard]] std::string check_row(const SessionRow& row) const;

    const NaptSettings& settings_;
    std::unordered_map<SessionKey, Known, KeyHash> sessions_;
    /// server4 of these keys is unused or the mapped address.
    std::unordered_map<SessionKey, Mapping, KeyHash> bindings_;
    std::unordered_map<SessionKey, Endpoint6, KeyHash> clients_;
    std::unordered_map<SessionKey, Clock::time_point, KeyHash> freed_;
    std::size_t most_sessions_ = 0;
    std::string complaint_;
};

} // namespace nat64::simulation
