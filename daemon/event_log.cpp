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

void EventLog::on_event(const Event& event) noexcept {
    if (event.kind == EventKind::SessionChanged) return; // TCP states: `nat64 follow` has them
    if (!(is_about_binding(event.kind) ? settings_.bindings : settings_.sessions)) return;
    try {
        spdlog::info("{}", describe(event));
    } catch (...) { // out of memory for a log line: the packet matters more
    }
}

} // namespace nat64::daemon
