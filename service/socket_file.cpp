// SPDX-License-Identifier: Apache-2.0
// Binding: directory, lock, stale file, bind, mode, listen, in this order. Whoever clears a
// predecessor's socket away inherits its directory. Of two daemons that start at once one finds
// the other's socket listening, or none: the directory is locked (flock) meanwhile.
#include "service/socket_file.hpp"

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

using platform::UniqueFd;

constexpr ::mode_t kDirectoryMode = 0755;
constexpr int kOpenDirectory = O_DIRECTORY | O_RDONLY | O_CLOEXEC;

[[noreturn]] void fail(const std::string& what) {
    throw std::system_error{errno, std::generic_category(), what};
}

UniqueFd make_socket(const std::string& key) {
    UniqueFd made{platform::adopt,
                  ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
    if (!made) fail(fmt::format("{}: make a socket", key));
    return made;
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
void lock(const UniqueFd& directory) {
    for (int attempt = 0; attempt < 40; ++attempt) {
        if (::flock(directory.get(), LOCK_EX | LOCK_NB) == 0) return;
        std::this_thread::sleep_for(std::chrono::milliseconds{50});
    }
    // Somebody else locks this directory for reasons of their own: go on without.
}

bool is_at(const UniqueFd& opened, const std::filesystem::path& path) {
    struct ::stat here{};
    struct ::stat there{};
    return ::fstat(opened.get(), &here) == 0 && ::stat(path.c_str(), &there) == 0 &&
           here.st_dev == there.st_dev && here.st_ino == there.st_ino;
}

pid_t listener_of(int connected) {
    ::ucred peer{};
    socklen_t length = sizeof peer;
    ::getsockopt(connected, SOL_SOCKET, SO_PEERCRED, &peer, &length);
    return peer.pid;
}

/// Unlinks a socket that nobody listens on; true if there was one. Anything else at the path is
/// an error.
bool clear_stale(const std::string& key, const std::filesystem::path& path) {
    struct ::stat found{};
    if (::lstat(path.c_str(), &found) != 0) {
        if (errno == ENOENT) return false;
        fail(fmt::format("{}: look at {}", key, path.native()));
    }
    if (!S_ISSOCK(found.st_mode))
        throw std::runtime_error{
            fmt::format("{}: {} exists and is not a socket", key, path.native())};
    const UniqueFd probe = make_socket(key);
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
    return true;
}

/// A directory as enter_directory() makes it, with nothing in it but sockets and what is named
/// after this one: of a predecessor, by its looks.
bool looks_made_by_us(const std::filesystem::path& socket) {
    const auto directory = socket.parent_path();
    struct ::stat found{};
    if (::lstat(directory.c_str(), &found) != 0 || !S_ISDIR(found.st_mode) ||
        found.st_uid != ::geteuid() || (found.st_mode & 07777) != kDirectoryMode)
        return false;
    std::error_code error;
    for (std::filesystem::directory_iterator entry{directory, error}, end;
         !error && entry != end;
         entry.increment(error))
        if (!entry->is_socket(error) &&
            !entry->path().filename().native().starts_with(socket.filename().native()))
            return false;
    return !error;
}

/// Capabilities are gone by the time the socket is removed, so it depends on plain permissions.
void warn_if_not_removable(const std::string& key,
                           const UniqueFd& directory,
                           const std::string& name) {
    struct ::stat found{};
    if (::fstat(directory.get(), &found) != 0) return;
    const ::mode_t bit = found.st_uid == ::geteuid()   ? S_IWUSR
                         : found.st_gid == ::getegid() ? S_IWGRP
                                                       : S_IWOTH;
    if ((found.st_mode & bit) != 0) return;
    spdlog::warn("{}: user {} may not write in {} without capabilities, which are dropped now: "
                 "the socket will stay behind at the end, and the next start removes it. To "
                 "avoid that use a directory of this user, such as /run/nat64",
                 key,
                 ::geteuid(),
                 name);
}

} // namespace

SocketFile::SocketFile(std::string key, const std::filesystem::path& path)
    : key_{std::move(key)}, path_{std::filesystem::absolute(path)} {
    if (path_.native().size() >= sizeof sockaddr_un{}.sun_path)
        throw std::runtime_error{
            fmt::format("{}: '{}' is {} bytes long, a socket's path may have {}",
                        key_,
                        path_.native(),
                        path_.native().size(),
                        sizeof sockaddr_un{}.sun_path - 1)};
}

SocketFile::~SocketFile() {
    remove();
}

/// The directory, locked. A predecessor that ends right now may remove it under our feet.
UniqueFd SocketFile::enter_directory() {
    const std::filesystem::path directory = path_.parent_path();
    for (int attempt = 0;; ++attempt) {
        if (::mkdir(directory.c_str(), kDirectoryMode) == 0)
            made_directory_ = true;
        else if (errno != EEXIST)
            fail(fmt::format("{}: create directory {}", key_, directory.native()));
        UniqueFd opened{platform::adopt, ::open(directory.c_str(), kOpenDirectory)};
        if (opened) lock(opened);
        if (opened && is_at(opened, directory)) return opened;
        if (attempt == 10) fail(fmt::format("{}: open directory {}", key_, directory.native()));
    }
}

UniqueFd SocketFile::appear() {
    try {
        const auto parent = enter_directory();
        if (clear_stale(key_, path_) && looks_made_by_us(path_)) made_directory_ = true;
        warn_if_not_removable(key_, parent, path_.parent_path().native());
        return publish();
    } catch (...) {
        if (inode_ == 0) remove();
        throw;
    }
}

bool SocketFile::lost() const noexcept {
    struct ::stat there{};
    return ::lstat(path_.c_str(), &there) != 0 || there.st_dev != device_ ||
           there.st_ino != inode_;
}

/// Binds with mode 0600, which Linux takes from the socket itself: there is no moment in which
/// others could connect.
UniqueFd SocketFile::publish() {
    UniqueFd fresh = make_socket(key_);
    if (::fchmod(fresh.get(), 0600) != 0) fail(fmt::format("{}: set the socket's mode", key_));
    if (with_address(path_, fresh.get(), ::bind) != 0)
        fail(fmt::format("{}: bind {}", key_, path_.native()));
    struct ::stat made{};
    if (::lstat(path_.c_str(), &made) != 0)
        fail(fmt::format("{}: look at {}", key_, path_.native()));
    device_ = made.st_dev;
    inode_ = made.st_ino;
    if (::listen(fresh.get(), SOMAXCONN) != 0)
        fail(fmt::format("{}: listen on {}", key_, path_.native()));
    return fresh;
}

void SocketFile::set_mode(mode_t mode) {
    if (::chmod(path_.c_str(), mode) != 0)
        fail(fmt::format("{}: set the mode of {}", key_, path_.native()));
}

/// Under the directory's lock: a successor may be making the same file.
void SocketFile::remove() noexcept {
    if (inode_ == 0 && !made_directory_) return;
    const auto directory = path_.parent_path();
    const UniqueFd parent{platform::adopt, ::open(directory.c_str(), kOpenDirectory)};
    if (parent) lock(parent);
    if (inode_ != 0 && !lost()) ::unlink(path_.c_str());
    inode_ = 0;
    if (made_directory_) ::rmdir(directory.c_str()); // stays if others use it
    made_directory_ = false;
}

} // namespace nat64::service
