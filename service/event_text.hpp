// SPDX-License-Identifier: Apache-2.0
// A binding or session event as a line for a person and as JSON for a program, with the facts
// that RFC 6888 REQ-12 asks a log to have, and the event numbers of RFC 8158. The log and
// `nat64 follow` say the same of the same event. Pure.
#pragma once

#include "core/napt_backend.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

namespace nat64::service {

/// RFC 6888 REQ-12: a log has no destinations unless somebody asks for them.
enum class Destinations : std::uint8_t { Hidden, Shown };

[[nodiscard]] constexpr bool is_about_binding(EventKind kind) noexcept {
    return kind == EventKind::BindingCreated || kind == EventKind::BindingDeleted;
}

/// "session created: udp [2001:db8::5]:4000 as 192.0.2.1:5000 to 203.0.113.1:53 (traffic)"
[[nodiscard]] std::string event_text(const Event& event, Destinations destinations);

/// The members of a JSON object, without braces: "event":"session_created","nat_event":6,...
[[nodiscard]] std::string event_members(const Event& event, Destinations destinations);

/// natEvent (RFC 8158 §4.3); nullopt for a change of a TCP session's state, which it has not.
[[nodiscard]] std::optional<unsigned> nat_event(const Event& event) noexcept;

/// "2026-11-21T12:30:00.123Z"
[[nodiscard]] std::string iso_time(std::chrono::system_clock::time_point when);

} // namespace nat64::service
