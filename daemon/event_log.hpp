// SPDX-License-Identifier: Apache-2.0
// log.bindings and log.sessions: one log line for each binding or session that comes or goes
// (service/event_text.hpp), whatever log.level is. Events come here from the packet thread
// through a service::EventHub; formatting and writing them is the control thread's work.
#pragma once

#include "config/config.hpp"
#include "service/event_hub.hpp"

#include <cstdint>
#include <memory>

#include <spdlog/fwd.h>

namespace nat64::daemon {

class EventLog final : public service::EventListener {
public:
    /// Writes where the default logger writes.
    explicit EventLog(const config::Log& settings);

    /// Other kinds of events; the format stays.
    void apply(const config::Log& settings) { settings_ = settings; }

    /// Whether the configuration asks for any of it.
    [[nodiscard]] bool wanted() const noexcept {
        return settings_.bindings || settings_.sessions;
    }

    /// Writes the event, if the configuration asks for its kind.
    void on_event(const Event& event) override;
    void on_lost(std::uint64_t events) override;

private:
    config::Log settings_;
    std::shared_ptr<spdlog::logger> logger_;
};

} // namespace nat64::daemon
