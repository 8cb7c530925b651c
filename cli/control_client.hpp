// SPDX-License-Identifier: Apache-2.0
// The client's end of the control socket: connects, sends a line, reads lines. Blocking, for
// verbs that do one thing and exit. Knows nothing of what the lines mean. Errors are
// exceptions whose text is for the person at the terminal: what is wrong and what to do.
#pragma once

#include "platform/unique_fd.hpp"

#include <chrono>
#include <filesystem>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

namespace nat64::cli {

/// No daemon to talk to, or it went away.
class ControlFailure : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

/// The daemon will not do what was asked.
class ControlRefusal : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

/// What `error`, an errno of connect(2), means to the person who wanted this socket.
[[nodiscard]] ControlFailure connect_failure(int error, const std::filesystem::path& socket);

class ControlClient {
public:
    /// `patience`: for how long nothing may come. Throws ControlFailure.
    explicit ControlClient(std::filesystem::path socket,
                           std::chrono::seconds patience = std::chrono::minutes{1});

    /// Sends a request and its line end. A daemon that has hung up already may have said why:
    /// that is left for next_line().
    void send(std::string_view line);

    /// The next line without its end, valid until the next call; nullopt when the daemon has
    /// hung up. Throws ControlFailure if nothing comes for too long.
    [[nodiscard]] std::optional<std::string_view> next_line();

    /// Whether a line is here already, so that next_line() would not wait.
    [[nodiscard]] bool has_line() const noexcept {
        return buffer_.find('\n', scanned_) != std::string::npos;
    }

    /// No more lines will come; next_line() still gives those that have. From any thread.
    void hang_up() noexcept;

private:
    bool fill();

    std::filesystem::path path_;
    platform::UniqueFd socket_;
    std::string buffer_;
    std::size_t begin_ = 0;   ///< of the next line in buffer_
    std::size_t scanned_ = 0; ///< no line end between begin_ and here
};

} // namespace nat64::cli
