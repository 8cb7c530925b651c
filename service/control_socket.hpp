// SPDX-License-Identifier: Apache-2.0
// The control socket: a Unix socket that belongs to control.group, in two halves, because the
// process that serves it may touch no file any more (ADR 0028). ControlSocketFile keeps the
// file, ControlSocket listens. Who may use it is a matter of file mode (root and members of the
// group) and of control_access.hpp. Single-threaded.
#pragma once

#include "config/config.hpp"
#include "platform/unique_fd.hpp"
#include "service/socket_file.hpp"

#include <filesystem>
#include <functional>
#include <optional>

#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>

#include <sys/types.h>

namespace nat64::service {

/// A listening socket, and the group whose members may read; nullopt: root only.
struct OpenedSocket {
    platform::UniqueFd socket;
    std::optional<gid_t> group;
};

class ControlSocketFile {
public:
    /// Looks for the group, makes nothing yet. Throws std::runtime_error.
    explicit ControlSocketFile(const config::Control& config);

    /// If the file is not there, or another one is: at first, and when somebody has removed it.
    /// A group that privileges do not allow any more is left out then. Throws as
    /// SocketFile::appear().
    [[nodiscard]] std::optional<OpenedSocket> open_if_lost();

    /// Nobody listens any more: it is lost.
    void remove() noexcept { file_.remove(); }

private:
    void open_to_group(gid_t group);

    SocketFile file_;
    std::optional<gid_t> group_;
    bool group_is_must_; ///< an error without it, at first
};

class ControlSocket {
public:
    /// ControlSocketFile::open_if_lost, in whatever process that is. Returns a socket at first.
    using Open = std::function<std::optional<OpenedSocket>()>;

    ControlSocket(boost::asio::io_context& control, std::filesystem::path path, Open open);

    /// With the file in this process.
    ControlSocket(boost::asio::io_context& control, const config::Control& config);

    [[nodiscard]] boost::asio::local::stream_protocol::acceptor& acceptor() noexcept {
        return acceptor_;
    }

    [[nodiscard]] const std::filesystem::path& path() const noexcept { return path_; }

    /// The group whose members may read; nullopt: root only.
    [[nodiscard]] std::optional<gid_t> group() const noexcept { return group_; }

    /// Looks for the file. True if it had gone and is back: what waits for a client has been
    /// cancelled. Throws what Open throws.
    bool renew_if_lost();

    /// Stops listening, for good; a file of this process goes. Idempotent.
    void close() noexcept;

private:
    void listen_on(OpenedSocket opened);

    std::filesystem::path path_;
    Open open_;
    std::optional<gid_t> group_;
    boost::asio::local::stream_protocol::acceptor acceptor_;
};

} // namespace nat64::service
