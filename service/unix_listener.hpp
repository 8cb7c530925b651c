// SPDX-License-Identifier: Apache-2.0
// A listening Unix socket as a file with one owner: bound and listening once constructed, for
// the own user only, and unlinked when destroyed if it is still ours. Clears away the file of a
// predecessor that was killed, and refuses to take that of one that lives. Construct before
// privileges are dropped. Single-threaded.
#pragma once

#include <filesystem>
#include <string>

#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>

#include <sys/types.h>

namespace nat64::service {

class UnixListener {
public:
    /// `key` is the configuration's, for messages. Creates the socket's directory if it is
    /// missing (not that one's parents). Throws std::system_error or std::runtime_error saying
    /// what was tried on which path.
    UnixListener(boost::asio::io_context& control,
                 std::string key,
                 const std::filesystem::path& path);
    ~UnixListener();
    UnixListener(const UnixListener&) = delete;
    UnixListener& operator=(const UnixListener&) = delete;

    [[nodiscard]] boost::asio::local::stream_protocol::acceptor& acceptor() noexcept {
        return acceptor_;
    }

    [[nodiscard]] const std::filesystem::path& path() const noexcept { return path_; }

    /// Lets others connect. Throws std::system_error.
    void set_mode(mode_t mode);

    /// Whether somebody has removed the file, or put another one in its place.
    [[nodiscard]] bool lost() const noexcept;

    /// Makes the file again, as the constructor did, and throws what that throws; then all is
    /// as before. What waits for a client meanwhile is cancelled.
    void renew() { appear(); }

    /// Stops listening and removes what the constructor made. Idempotent.
    void close() noexcept;

private:
    void appear();
    void publish();

    std::string key_;
    std::filesystem::path path_;
    boost::asio::local::stream_protocol::acceptor acceptor_;
    bool made_directory_ = false; ///< or a predecessor did that was killed
    /// Of the file we bound, zero if there is none: another one is not ours to unlink.
    dev_t device_ = 0;
    ino_t inode_ = 0;
};

} // namespace nat64::service
