// SPDX-License-Identifier: Apache-2.0
// Events as text.
#include "daemon/event_log.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

namespace nat64::daemon {

namespace {

const char* text_of(EventKind kind) noexcept {
    switch (kind) {
    case EventKind::BindingCreated:
        return "binding created";
    case EventKind::BindingDeleted:
        return "binding deleted";
    case EventKind::SessionCreated:
        return "session created";
    case EventKind::SessionChanged:
        return "session changed";
    case EventKind::SessionDeleted:
        return "session deleted";
    }
    return "?";
}

const char* text_of(EventReason reason) noexcept {
    switch (reason) {
    case EventReason::Traffic:
        return "traffic";
    case EventReason::Expired:
        return "expired";
    case EventReason::Static:
        return "static";
    case EventReason::Flushed:
        return "flushed";
    case EventReason::PoolChanged:
        return "pool changed";
    case EventReason::Restored:
        return "restored";
    case EventReason::Limit:
        return "limit";
    case EventReason::Forbidden:
        return "forbidden";
    }
    return "?";
}

bool is_about_binding(EventKind kind) noexcept {
    return kind == EventKind::BindingCreated || kind == EventKind::BindingDeleted;
}

} // namespace

std::string describe(const Event& event) {
    std::string text = fmt::format("{}: {} {} as {}",
                                   text_of(event.kind),
                                   name_of(event.protocol),
                                   event.client6.to_string(),
                                   event.mapped4.to_string());
    if (!is_about_binding(event.kind)) text += " to " + event.server4.to_string();
    return fmt::format("{} ({})", text, text_of(event.reason));
}

void EventLog::drain(service::EventRing& ring) {
    for (Event event; ring.take(event);)
        write(event);
    if (const auto lost = ring.lost(); lost != lost_) {
        spdlog::warn("{} binding and session events are missing here: they came faster than "
                     "they could be written",
                     lost - lost_);
        lost_ = lost;
    }
}

void EventLog::write(const Event& event) const {
    if (event.kind == EventKind::SessionChanged) return; // TCP states are no audit record
    if (is_about_binding(event.kind) ? settings_.bindings : settings_.sessions)
        spdlog::info("{}", describe(event));
}

} // namespace nat64::daemon
