// SPDX-License-Identifier: Apache-2.0
// The names of RFC 8158's events are close to ours; its numbers go along for collectors.
#include "service/event_text.hpp"

#include "core/net/transport.hpp"
#include "core/rfc6146/tcp_state.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>

namespace nat64::service {

namespace {

const char* name_of(EventKind kind) noexcept {
    switch (kind) {
    case EventKind::BindingCreated:
        return "binding_created";
    case EventKind::BindingDeleted:
        return "binding_deleted";
    case EventKind::SessionCreated:
        return "session_created";
    case EventKind::SessionChanged:
        return "session_changed";
    case EventKind::SessionDeleted:
        return "session_deleted";
    }
    return "?";
}

const char* name_of(EventReason reason) noexcept {
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
        return "pool_changed";
    case EventReason::Restored:
        return "restored";
    case EventReason::Limit:
        return "limit";
    case EventReason::Forbidden:
        return "forbidden";
    }
    return "?";
}

/// "binding_created" as a person writes it.
std::string in_words(std::string text) {
    for (char& c : text)
        if (c == '_') c = ' ';
    return text;
}

} // namespace

// RFC 8158 §4.3.
std::optional<unsigned> nat_event(const Event& event) noexcept {
    const bool host = event.whole_host;
    switch (event.kind) {
    case EventKind::SessionCreated:
        return 6; // NAT64 session create
    case EventKind::SessionDeleted:
        return 7; // NAT64 session delete
    case EventKind::BindingCreated:
        return host ? 14 : 10; // address binding create, NAT64 BIB create
    case EventKind::BindingDeleted:
        return host ? 15 : 11; // address binding delete, NAT64 BIB delete
    case EventKind::SessionChanged:
        return std::nullopt;
    }
    return std::nullopt;
}

std::string event_text(const Event& event, Destinations destinations) {
    std::string text = in_words(name_of(event.kind)) + ": ";
    if (event.whole_host)
        text += fmt::format(
            "{} as {}", event.client6.address.to_string(), event.mapped4.address.to_string());
    else
        text += fmt::format("{} {} as {}",
                            nat64::name_of(event.protocol),
                            event.client6.to_string(),
                            event.mapped4.to_string());
    if (!is_about_binding(event.kind) && destinations == Destinations::Shown)
        text += " to " + event.server4.to_string();
    if (event.kind == EventKind::SessionChanged)
        return fmt::format("{} ({})", text, rfc6146::name_of(event.state));
    return fmt::format("{} ({})", text, in_words(name_of(event.reason)));
}

std::string event_members(const Event& event, Destinations destinations) {
    std::string text = fmt::format(R"("event":"{}")", name_of(event.kind));
    if (const auto number = nat_event(event))
        text += fmt::format(R"(,"nat_event":{})", *number);
    if (event.whole_host)
        text += fmt::format(R"(,"client":"{}","mapped":"{}")",
                            event.client6.address.to_string(),
                            event.mapped4.address.to_string());
    else
        text += fmt::format(R"(,"protocol":"{}","client":"{}","mapped":"{}")",
                            nat64::name_of(event.protocol),
                            event.client6.to_string(),
                            event.mapped4.to_string());
    if (!is_about_binding(event.kind)) {
        if (destinations == Destinations::Shown)
            text += fmt::format(R"(,"server":"{}")", event.server4.to_string());
        text += fmt::format(R"(,"state":"{}")", rfc6146::name_of(event.state));
    }
    return text + fmt::format(R"(,"reason":"{}")", name_of(event.reason));
}

std::string iso_time(std::chrono::system_clock::time_point when) {
    const auto ms = std::chrono::floor<std::chrono::milliseconds>(when);
    const auto seconds = std::chrono::floor<std::chrono::seconds>(ms);
    return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:03}Z",
                       fmt::gmtime(std::chrono::system_clock::to_time_t(seconds)),
                       (ms - seconds).count());
}

} // namespace nat64::service
