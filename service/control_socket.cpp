// SPDX-License-Identifier: Apache-2.0
// Binding: directory, lock, stale file, bind, owner and mode, listen, in this order. The
// directory is locked (flock) in between, so that of two daemons started at once one sees the
// other's socket already listening, or not at all.
#include "service/control_socket.hpp"

#include "platform/unique_fd.hpp"

#include <cerrno>
#include <chrono>
#include <cstring>
#include <stdexcept>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <fcntl.h>
#include <grp.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

namespace nat64::service {

namespace {

[[noreturn]] void fail(const std::string& what) {
    throw std::system_error{errno, std::generic_category(), what};
}

int make_socket() {
    const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) fail("control.socket: make a socket");
    return fd;
}

/// The numeric id of control.group. A missing default group means root only, a missing
/// configured one is an error.
std::optional<gid_t> find_group(const config::Control& config) {
    if (config.group.empty()) return std::nullopt;
    std::vector<char> text(64 * 1024);
    ::group entry{};
    ::group* found = nullptr;
    const int error =
        ::getgrnam_r(config.group.c_str(), &entry, text.data(), text.size(), &found);
    if (found != nullptr) return found->gr_gid;
    if (!config.group_is_default)
        throw std::runtime_error{
            fmt::format("control.group: no group '{}' on this machine{}; create it (groupadd "
                        "--system {}) or set control.group to an existing one",
                        config.group,
                        error == 0 ? "" : fmt::format(" ({})", std::strerror(error)),
                        config.group)};
    spdlog::info("no group '{}' on this machine: the control socket is for root only",
                 config.group);
    return std::nullopt;
}

sockaddr_un address_of(const std::filesystem::path& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const std::string& text = path.native();
    if (text.size() >= sizeof address.sun_path)
        throw std::runtime_error{
            fmt::format("control.socket: '{}' is {} bytes long, a socket's path may have {}",
                        text,
                        text.size(),
                        sizeof address.sun_path - 1)};
    text.copy(address.sun_path, text.size());
    return address;
}

/// The generic form of a socket address, which the socket calls want.
template <typename Call>
int with_address(const std::filesystem::path& path, int fd, Call call) {
    const sockaddr_un address = address_of(path);
    // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast): the socket API's own idiom
    return call(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address);
}

/// Held while a socket appears; whoever starts at the same time waits a moment.
void lock(const platform::UniqueFd& directory) {
    for (int attempt = 0; attempt < 40; ++attempt) {
        if (::flock(directory.get(), LOCK_EX | LOCK_NB) == 0) return;
        std::this_thread::sleep_for(std::chrono::milliseconds{50});
    }
    // Somebody else locks this directory for reasons of their own: go on without.
}

pid_t listener_of(int connected) {
    ::ucred peer{};
    socklen_t length = sizeof peer;
    ::getsockopt(connected, SOL_SOCKET, SO_PEERCRED, &peer, &length);
    return peer.pid;
}

/// Unlinks a socket that nobody listens on. Anything else at the path is an error.
void clear_stale(const std::filesystem::path& path) {
    struct ::stat found{};
    if (::lstat(path.c_str(), &found) != 0) {
        if (errno == ENOENT) return;
        fail(fmt::format("control.socket: look at {}", path.native()));
    }
    if (!S_ISSOCK(found.st_mode))
        throw std::runtime_error{
            fmt::format("control.socket: {} exists and is not a socket", path.native())};
    const platform::UniqueFd probe{platform::adopt, make_socket()};
    const bool answered = with_address(path, probe.get(), ::connect) == 0;
    if (answered || errno == EAGAIN) // EAGAIN: alive, and its queue is full
        throw std::runtime_error{
            fmt::format("control.socket: another nat64 is running (pid {}) on {}; stop it or "
                        "give this one its own control.socket",
                        answered ? std::to_string(listener_of(probe.get())) : "unknown",
                        path.native())};
    if (errno != ECONNREFUSED)
        fail(fmt::format("control.socket: connect to {}", path.native()));
    spdlog::info("removing {}, left behind by a nat64 that was killed", path.native());
    if (::unlink(path.c_str()) != 0 && errno != ENOENT)
        fail(fmt::format("control.socket: unlink {}", path.native()));
}

} // namespace

ControlSocket::ControlSocket(boost::asio::io_context& control, const config::Control& config)
    : path_{std::filesystem::absolute(config.socket)},
      group_{find_group(config)},
      acceptor_{control} {
    address_of(path_);
    const std::filesystem::path directory = path_.parent_path();
    made_directory_ = ::mkdir(directory.c_str(), 0755) == 0;
    if (!made_directory_ && errno != EEXIST)
        fail(fmt::format("control.socket: create directory {}", directory.native()));
    try {
        const platform::UniqueFd parent{
            platform::adopt, ::open(directory.c_str(), O_DIRECTORY | O_RDONLY | O_CLOEXEC)};
        if (!parent) fail(fmt::format("control.socket: open directory {}", directory.native()));
        lock(parent);
        clear_stale(path_);
        publish(config.group_is_default);
    } catch (...) {
        close();
        throw;
    }
}

ControlSocket::~ControlSocket() {
    close();
}

/// Binds with mode 0600, which Linux takes from the socket itself, and opens up afterwards:
/// there is no moment in which others could connect.
void ControlSocket::publish(bool group_is_default) {
    const int fd = make_socket();
    acceptor_.assign(boost::asio::local::stream_protocol{}, fd);
    if (::fchmod(fd, 0600) != 0) fail("control.socket: set the socket's mode");
    if (with_address(path_, fd, ::bind) != 0)
        fail(fmt::format("control.socket: bind {}", path_.native()));
    struct ::stat made{};
    if (::lstat(path_.c_str(), &made) != 0)
        fail(fmt::format("control.socket: look at {}", path_.native()));
    device_ = made.st_dev;
    inode_ = made.st_ino;
    if (group_) open_to_group(group_is_default);
    acceptor_.listen();
}

void ControlSocket::open_to_group(bool group_is_default) {
    if (::lchown(path_.c_str(), static_cast<uid_t>(-1), *group_) != 0) {
        if (!group_is_default)
            fail(fmt::format("control.group: give {} to group {}", path_.native(), *group_));
        spdlog::info("may not give the control socket to its group: it is for this user only");
        group_.reset();
        return;
    }
    if (::chmod(path_.c_str(), 0660) != 0)
        fail(fmt::format("control.socket: set the mode of {}", path_.native()));
}

void ControlSocket::close() noexcept {
    boost::system::error_code ignored;
    acceptor_.close(ignored);
    struct ::stat there{};
    if (inode_ != 0 && ::lstat(path_.c_str(), &there) == 0 && there.st_dev == device_ &&
        there.st_ino == inode_)
        ::unlink(path_.c_str());
    inode_ = 0;
    if (made_directory_) ::rmdir(path_.parent_path().c_str()); // stays if others use it
    made_directory_ = false;
}

} // namespace nat64::service
