// SPDX-License-Identifier: Apache-2.0
// Which events are written, and in which of the two forms.
#include "daemon/event_log.hpp"

#include "core/napt_backend.hpp"
#include "service/event_text.hpp"
#include "service/logging.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

namespace nat64::daemon {

EventLog::EventLog(const config::Log& settings) : settings_{settings} {
    const auto& sinks = spdlog::default_logger()->sinks();
    logger_ =
        std::make_shared<spdlog::logger>(service::kEventLogger, sinks.begin(), sinks.end());
}

void EventLog::on_event(const Event& event) {
    if (event.kind == EventKind::SessionChanged) return; // TCP states are no audit record
    if (!(service::is_about_binding(event.kind) ? settings_.bindings : settings_.sessions))
        return;
    const auto destinations =
        settings_.destinations ? service::Destinations::Shown : service::Destinations::Hidden;
    logger_->info("{}",
                  settings_.format == config::LogFormat::Json
                      ? service::event_members(event, destinations)
                      : service::event_text(event, destinations));
}

void EventLog::on_lost(std::uint64_t events) {
    if (settings_.format == config::LogFormat::Json)
        logger_->warn(R"("event":"lost","events":{})", events);
    else
        logger_->warn("{} binding and session events are missing here: they came faster than "
                      "they could be written",
                      events);
}

} // namespace nat64::daemon
