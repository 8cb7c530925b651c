// SPDX-License-Identifier: Apache-2.0
// Binding: directory, lock, stale file, bind, mode, listen, in this order. The directory is
// locked (flock) in between, so that of two daemons started at once one sees the other's
// socket already listening, or not at all.
#include "service/unix_listener.hpp"

#include "platform/unique_fd.hpp"

#include <cerrno>
#include <chrono>
#include <cstring>
#include <stdexcept>
#include <string>
#include <system_error>
#include <thread>
#include <utility>

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <fcntl.h>
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
    return ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
}

/// The generic form of a socket address, which the socket calls want.
template <typename Call>
int with_address(const std::filesystem::path& path, int fd, Call call) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.native().copy(address.sun_path, sizeof address.sun_path - 1);
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
void clear_stale(const std::string& key, const std::filesystem::path& path) {
    struct ::stat found{};
    if (::lstat(path.c_str(), &found) != 0) {
        if (errno == ENOENT) return;
        fail(fmt::format("{}: look at {}", key, path.native()));
    }
    if (!S_ISSOCK(found.st_mode))
        throw std::runtime_error{
            fmt::format("{}: {} exists and is not a socket", key, path.native())};
    const platform::UniqueFd probe{platform::adopt, make_socket()};
    const bool answered = with_address(path, probe.get(), ::connect) == 0;
    if (answered || errno == EAGAIN) // EAGAIN: alive, and its queue is full
        throw std::runtime_error{
            fmt::format("{0}: another nat64 is running (pid {1}) on {2}; stop it or give this "
                        "one its own {0}",
                        key,
                        answered ? std::to_string(listener_of(probe.get())) : "unknown",
                        path.native())};
    if (errno != ECONNREFUSED) fail(fmt::format("{}: connect to {}", key, path.native()));
    spdlog::info("removing {}, left behind by a nat64 that was killed", path.native());
    if (::unlink(path.c_str()) != 0 && errno != ENOENT)
        fail(fmt::format("{}: unlink {}", key, path.native()));
}

} // namespace

UnixListener::UnixListener(boost::asio::io_context& control,
                           std::string key,
                           const std::filesystem::path& path)
    : key_{std::move(key)}, path_{std::filesystem::absolute(path)}, acceptor_{control} {
    if (path_.native().size() >= sizeof sockaddr_un{}.sun_path)
        throw std::runtime_error{
            fmt::format("{}: '{}' is {} bytes long, a socket's path may have {}",
                        key_,
                        path_.native(),
                        path_.native().size(),
                        sizeof sockaddr_un{}.sun_path - 1)};
    try {
        appear();
    } catch (...) {
        close();
        throw;
    }
}

UnixListener::~UnixListener() {
    close();
}

void UnixListener::appear() {
    const std::filesystem::path directory = path_.parent_path();
    if (::mkdir(directory.c_str(), 0755) == 0)
        made_directory_ = true;
    else if (errno != EEXIST)
        fail(fmt::format("{}: create directory {}", key_, directory.native()));
    const platform::UniqueFd parent{
        platform::adopt, ::open(directory.c_str(), O_DIRECTORY | O_RDONLY | O_CLOEXEC)};
    if (!parent) fail(fmt::format("{}: open directory {}", key_, directory.native()));
    lock(parent);
    clear_stale(key_, path_);
    publish();
}

bool UnixListener::lost() const noexcept {
    struct ::stat there{};
    return inode_ != 0 && (::lstat(path_.c_str(), &there) != 0 || there.st_dev != device_ ||
                           there.st_ino != inode_);
}

/// Binds with mode 0600, which Linux takes from the socket itself: there is no moment in which
/// others could connect.
void UnixListener::publish() {
    const int fd = make_socket();
    if (fd < 0) fail(fmt::format("{}: make a socket", key_));
    boost::asio::local::stream_protocol::acceptor fresh{
        acceptor_.get_executor(), boost::asio::local::stream_protocol{}, fd};
    if (::fchmod(fd, 0600) != 0) fail(fmt::format("{}: set the socket's mode", key_));
    if (with_address(path_, fd, ::bind) != 0)
        fail(fmt::format("{}: bind {}", key_, path_.native()));
    struct ::stat made{};
    if (::lstat(path_.c_str(), &made) != 0)
        fail(fmt::format("{}: look at {}", key_, path_.native()));
    device_ = made.st_dev;
    inode_ = made.st_ino;
    fresh.listen();
    acceptor_ = std::move(fresh);
}

void UnixListener::set_mode(mode_t mode) {
    if (::chmod(path_.c_str(), mode) != 0)
        fail(fmt::format("{}: set the mode of {}", key_, path_.native()));
}

void UnixListener::close() noexcept {
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
