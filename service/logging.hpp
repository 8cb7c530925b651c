// SPDX-License-Identifier: Apache-2.0
// Where log lines go: standard error, one line each, as text or as a JSON object. Under
// journald, which stamps lines itself, they carry a syslog priority instead of a time. A
// reader that does not keep up costs lines and never the program's time: a line that standard
// error cannot take at once is counted, and the next one says how many are missing. Messages
// that packets cause go through RateLimited. Thread-safe once set up, by spdlog's sink mutex.
#pragma once

#include "config/config.hpp"

#include <cstdint>

namespace nat64::service {

/// How lines are laid out.
enum class LogLayout : std::uint8_t { Timestamps, Journal };

/// Journal if standard error is the journal's stream: JOURNAL_STREAM (systemd.exec(5)) names
/// it by device and inode, because the variable is inherited where the stream is not.
[[nodiscard]] LogLayout detect_log_layout();

/// Makes standard error spdlog's default logger. Once, at startup.
void set_up_logging(const config::Log& settings, LogLayout layout = detect_log_layout());

/// The name of a logger whose messages are, with log.format: json, the members of a JSON
/// object and not text.
inline constexpr const char* kEventLogger = "events";

/// How many lines standard error did not take since set_up_logging().
[[nodiscard]] std::uint64_t log_lines_lost();

/// Changes the level of the running program.
void set_log_level(config::LogLevel level);

} // namespace nat64::service
