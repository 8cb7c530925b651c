// SPDX-License-Identifier: Apache-2.0
// Tells a service manager how we are: the datagram protocol of sd_notify(3), which is a line of
// text to the Unix socket named by NOTIFY_SOCKET. Without one, everything here does nothing.
// The socket is connected at once: a confined process may send to nobody else later
// (confinement.hpp). Thread-safe: each message is one send().
#pragma once

#include "platform/unique_fd.hpp"

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace nat64::platform {

class ServiceNotify {
public:
    /// `socket` is a path, or "@name" in the abstract namespace; empty: nobody listens.
    explicit ServiceNotify(std::string_view socket);

    /// As NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID say.
    [[nodiscard]] static ServiceNotify from_environment();

    void ready(std::string_view status) const noexcept;
    void stopping() const noexcept;
    void watchdog() const noexcept;

    /// How often the manager wants watchdog() at the latest; call it twice as often.
    [[nodiscard]] std::optional<std::chrono::microseconds> watchdog_interval() const noexcept {
        return watchdog_interval_;
    }

private:
    /// Failure is ignored: the service manager's absence must not stop the service.
    void send(std::string_view message) const noexcept;

    UniqueFd fd_;
    std::optional<std::chrono::microseconds> watchdog_interval_;
};

} // namespace nat64::platform
