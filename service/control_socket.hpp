// SPDX-License-Identifier: Apache-2.0
// The control socket: a Unix socket (unix_listener.hpp) that belongs to control.group. Who may
// use it is a matter of file mode (root and members of the group) and of control_access.hpp.
// Single-threaded.
#pragma once

#include "config/config.hpp"
#include "service/unix_listener.hpp"

#include <filesystem>
#include <optional>

#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>

#include <sys/types.h>

namespace nat64::service {

class ControlSocket {
public:
    /// Throws std::system_error or std::runtime_error saying what was tried on which path.
    ControlSocket(boost::asio::io_context& control, const config::Control& config);

    [[nodiscard]] boost::asio::local::stream_protocol::acceptor& acceptor() noexcept {
        return listener_.acceptor();
    }

    [[nodiscard]] const std::filesystem::path& path() const noexcept {
        return listener_.path();
    }

    /// The group whose members may read; nullopt: root only.
    [[nodiscard]] std::optional<gid_t> group() const noexcept { return group_; }

    /// Whether somebody has removed the file, or put another one in its place.
    [[nodiscard]] bool lost() const noexcept { return listener_.lost(); }

    /// Makes the file again, as the constructor did; a group that the privileges of now do not
    /// allow is left out. Throws what that throws. What waits for a client meanwhile is
    /// cancelled.
    void renew();

    /// Stops listening and removes what the constructor made. Idempotent.
    void close() noexcept { listener_.close(); }

private:
    void open_to_group(bool group_is_default);

    std::optional<gid_t> group_;
    UnixListener listener_;
};

} // namespace nat64::service
