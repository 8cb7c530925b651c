// SPDX-License-Identifier: Apache-2.0
// The book of a backend with sessions: bindings, sessions in their states of RFC 6146
// §3.5.2.2, and when each of them ends.
#pragma once

#include "tests/simulation/book.hpp"

#include <cstdint>

#include <boost/unordered/unordered_flat_map.hpp>

namespace nat64::simulation {

class SessionBook final : public Book {
public:
    explicit SessionBook(const InForce& in_force);

    void on_event(const Event& event) noexcept override;
    void
    packet(SessionKey key, rfc6146::Side side, TcpFlags tcp, Clock::time_point now) override;
    [[nodiscard]] bool lives(SessionKey key) const override;
    [[nodiscard]] std::optional<Endpoint4> mapped(L4Proto protocol,
                                                  const Endpoint6& client6) const override;
    [[nodiscard]] std::optional<Endpoint6> client(L4Proto protocol,
                                                  const Endpoint4& mapped4) const override;
    [[nodiscard]] std::string check(const NaptBackend& backend, Clock::time_point now) override;

    [[nodiscard]] bool is_empty() const override;

    [[nodiscard]] std::size_t sessions() const override { return sessions_.size(); }

    [[nodiscard]] std::size_t most_sessions() const override { return most_sessions_; }

    [[nodiscard]] std::size_t bindings() const override { return bindings_.size(); }

private:
    struct Known {
        rfc6146::SessionState state{};
        rfc6146::SessionState told{}; ///< by the latest event
        Clock::time_point refreshed;
        rfc6146::Lifetime lifetime{};
        bool partially_open = false;
        std::optional<rfc6146::Side> opener{}; ///< its first packet will tell
    };

    struct Mapping {
        Endpoint4 mapped4;
        std::uint32_t sessions = 0;
        bool port = false; ///< of the pool, and counted as its client's
    };

    /// What a client, limits.client_prefix wide, holds.
    struct Use {
        std::uint32_t own = 0; ///< sessions that it has opened
        std::uint32_t inbound = 0;
        std::uint32_t ports = 0;
    };

    void binding_created(const Event& event);
    void binding_deleted(const Event& event);
    void session_created(const Event& event);
    void session_changed(const Event& event);
    void session_deleted(const Event& event);
    [[nodiscard]] Use& use_of(const Ipv6Addr& client6);
    void forget_unused(const Ipv6Addr& client6);
    void check_begin(const Event& event);
    void opened(Known& known, const SessionKey& key, rfc6146::Side side);
    void check_free(const Event& event);
    void ends_rightly(const Known& known, const Event& event);
    void ends_in_time(const Known& known, const SessionKey& key, Clock::time_point when);
    [[nodiscard]] Clock::time_point due(const Known& known) const;
    [[nodiscard]] std::string check_known(Clock::time_point now) const;
    [[nodiscard]] std::string check_row(const SessionRow& row, Clock::time_point now) const;

    template <typename Key, typename Value>
    using Map = boost::unordered_flat_map<Key, Value, KeyHash>;

    const InForce& in_force_;
    Map<SessionKey, Known> sessions_;
    /// server4 of these keys is unused or the mapped address.
    Map<SessionKey, Mapping> bindings_;
    Map<SessionKey, Endpoint6> clients_;
    Map<SessionKey, Clock::time_point> freed_;
    Map<Ipv6Addr, Use> uses_;
    std::size_t most_sessions_ = 0;
};

} // namespace nat64::simulation
