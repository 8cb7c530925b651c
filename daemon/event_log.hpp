// SPDX-License-Identifier: Apache-2.0
// log.bindings and log.sessions: one log line for each binding or session that comes or goes,
// with the facts that RFC 6888 REQ-12 asks a log to have. Events come here from the packet
// thread through a service::EventRing; formatting and writing them is the control thread's
// work.
#pragma once

#include "config/config.hpp"
#include "core/napt_backend.hpp"
#include "service/event_ring.hpp"

#include <cstdint>
#include <string>

namespace nat64::daemon {

class EventLog {
public:
    explicit EventLog(const config::Log& settings) noexcept : settings_{settings} {}

    /// Whether the configuration asks for any of it.
    [[nodiscard]] bool wanted() const noexcept {
        return settings_.bindings || settings_.sessions;
    }

    /// Writes everything that is in the ring, and says how many events it has lost since the
    /// last time.
    void drain(service::EventRing& ring);

    /// Writes one event, if the configuration asks for its kind.
    void write(const Event& event) const;

private:
    config::Log settings_;
    std::uint64_t lost_ = 0;
};

/// "session created: udp [2001:db8::5]:4000 as 192.0.2.1:5000 to 203.0.113.1:53 (traffic)"
[[nodiscard]] std::string describe(const Event& event);

} // namespace nat64::daemon
