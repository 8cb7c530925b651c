// SPDX-License-Identifier: Apache-2.0
// The control socket as a file with one owner: bound and listening once constructed, unlinked
// when destroyed if it is still ours. Clears away the socket file of a predecessor that was
// killed, and refuses to take the one of a predecessor that lives. Bind before privileges are
// dropped. Who may use it is a matter of file mode (root and members of control.group) and of
// control_access.hpp. Single-threaded.
#pragma once

#include "config/config.hpp"

#include <filesystem>
#include <optional>

#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>

#include <sys/types.h>

namespace nat64::service {

class ControlSocket {
public:
    /// Creates the socket's directory if it is missing (not that one's parents). Throws
    /// std::system_error or std::runtime_error saying what was tried on which path.
    ControlSocket(boost::asio::io_context& control, const config::Control& config);
    ~ControlSocket();
    ControlSocket(const ControlSocket&) = delete;
    ControlSocket& operator=(const ControlSocket&) = delete;

    [[nodiscard]] boost::asio::local::stream_protocol::acceptor& acceptor() noexcept {
        return acceptor_;
    }

    [[nodiscard]] const std::filesystem::path& path() const noexcept { return path_; }

    /// The group whose members may read; nullopt: root only.
    [[nodiscard]] std::optional<gid_t> group() const noexcept { return group_; }

    /// Stops listening and removes what the constructor made. Idempotent.
    void close() noexcept;

private:
    void publish(bool group_is_default);
    void open_to_group(bool group_is_default);

    std::filesystem::path path_;
    std::optional<gid_t> group_;
    boost::asio::local::stream_protocol::acceptor acceptor_;
    bool made_directory_ = false;
    /// Of the file we bound, zero if there is none: another one is not ours to unlink.
    dev_t device_ = 0;
    ino_t inode_ = 0;
};

} // namespace nat64::service
