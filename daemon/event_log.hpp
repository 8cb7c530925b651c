// SPDX-License-Identifier: Apache-2.0
// log.bindings and log.sessions: one log line for each binding or session that comes or goes,
// with the facts that RFC 6888 REQ-12 asks a log to have. On the packet thread; the log itself
// does not block (service/logging).
#pragma once

#include "config/config.hpp"
#include "core/napt_backend.hpp"

#include <string>

namespace nat64::daemon {

class EventLog final : public EventSink {
public:
    explicit EventLog(const config::Log& settings) noexcept : settings_{settings} {}

    /// Whether the configuration asks for any of it.
    [[nodiscard]] bool wanted() const noexcept {
        return settings_.bindings || settings_.sessions;
    }

    void on_event(const Event& event) noexcept override;

private:
    config::Log settings_;
};

/// "session created: udp [2001:db8::5]:4000 as 192.0.2.1:5000 to 203.0.113.1:53 (traffic)"
[[nodiscard]] std::string describe(const Event& event);

} // namespace nat64::daemon
