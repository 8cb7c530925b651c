// SPDX-License-Identifier: Apache-2.0
// The file of a listening Unix socket, with one owner: for the own user only at first, and
// unlinked when destroyed if it is still ours. Clears away the file of a predecessor that was
// killed, and refuses to take that of one that lives. Who serves the socket may be another
// process than the one that keeps the file (ADR 0028). Single-threaded.
#pragma once

#include "platform/unique_fd.hpp"

#include <filesystem>
#include <string>

#include <sys/types.h>

namespace nat64::service {

class SocketFile {
public:
    /// `key` is the configuration's, for messages. Makes nothing yet. Throws
    /// std::runtime_error.
    SocketFile(std::string key, const std::filesystem::path& path);
    ~SocketFile();
    SocketFile(const SocketFile&) = delete;
    SocketFile& operator=(const SocketFile&) = delete;

    [[nodiscard]] const std::filesystem::path& path() const noexcept { return path_; }

    /// A listening socket (non-blocking) with this file. Creates the directory if it is missing
    /// (not that one's parents). Again, once lost() says so: the one before it is nobody's
    /// then. Throws std::system_error or std::runtime_error saying what was tried on which
    /// path.
    [[nodiscard]] platform::UniqueFd appear();

    /// Whether there is none, or somebody has removed it, or put another one in its place.
    [[nodiscard]] bool lost() const noexcept;

    /// Lets others connect. Throws std::system_error.
    void set_mode(mode_t mode);

    /// Removes what appear() made. Idempotent.
    void remove() noexcept;

private:
    [[nodiscard]] platform::UniqueFd enter_directory();
    [[nodiscard]] platform::UniqueFd publish();

    std::string key_;
    std::filesystem::path path_;
    bool made_directory_ = false; ///< or a predecessor did that was killed
    /// Of the file we bound, zero if there is none: another one is not ours to unlink.
    dev_t device_ = 0;
    ino_t inode_ = 0;
};

} // namespace nat64::service
