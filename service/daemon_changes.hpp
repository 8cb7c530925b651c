// SPDX-License-Identifier: Apache-2.0
// What the control commands may change of a running daemon, as far as that is more than its
// tables: who does it is the daemon (daemon/reloader). Control thread.
#pragma once

#include "config/difference.hpp"
#include "core/clock.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include <boost/asio/awaitable.hpp>

namespace nat64::service {

/// What ends a command with an error of its own (docs/control-protocol.md) instead of
/// "internal".
class CommandFailure : public std::runtime_error {
public:
    /// `code` lasts for ever.
    CommandFailure(std::string_view code, const std::string& message)
        : std::runtime_error{message}, code_{code} {}

    [[nodiscard]] std::string_view code() const noexcept { return code_; }

private:
    std::string_view code_;
};

enum class ReloadResult : std::uint8_t { Applied, Unchanged, Refused };

/// How a reload went.
struct LastReload {
    Clock::time_point when;
    ReloadResult result{};
    std::size_t changes = 0;
    std::string refusal{}; ///< why it was refused; may be several lines
};

class DaemonChanges {
public:
    /// Reads the configuration again and puts it in force, all of it or nothing; returns what
    /// has changed. In turn, if another reload is under way. Throws CommandFailure.
    virtual boost::asio::awaitable<std::vector<config::Change>> reload() = 0;

    /// nullopt before the first.
    [[nodiscard]] virtual const std::optional<LastReload>& last_reload() const noexcept = 0;

protected:
    ~DaemonChanges() = default;
};

} // namespace nat64::service
