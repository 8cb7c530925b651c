// SPDX-License-Identifier: Apache-2.0
// Connecting with an answer to "and what do I do now?", and splitting the stream into lines.
#include "cli/control_client.hpp"

#include <cerrno>
#include <cstddef>
#include <system_error>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include <grp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

namespace nat64::cli {

namespace {

constexpr std::size_t kReadSize = 64 * 1024;
/// No reply line is longer: rows are short, and a configuration is a few kilobytes.
constexpr std::size_t kLongestLine = 64 * 1024 * 1024;

ControlFailure failure(const std::string& tried, int error) {
    return ControlFailure{tried + ": " + std::generic_category().message(error)};
}

/// "root and members of group 'nat64'", as the socket's owner and mode say.
std::string who_may(const std::filesystem::path& path) {
    struct ::stat found{};
    if (::stat(path.c_str(), &found) != 0 || (found.st_mode & S_IWGRP) == 0)
        return "root; try it with sudo";
    std::vector<char> text(16 * 1024);
    ::group entry{};
    ::group* group = nullptr;
    ::getgrgid_r(found.st_gid, &entry, text.data(), text.size(), &group);
    const std::string name = group != nullptr ? group->gr_name : std::to_string(found.st_gid);
    return fmt::format("root and members of group '{0}'; try it with sudo, or join the group: "
                       "sudo usermod -aG {0} USER",
                       name);
}

} // namespace

ControlFailure connect_failure(int error, const std::filesystem::path& socket) {
    const std::string& name = socket.native();
    switch (error) {
    case ENOENT:
        return ControlFailure{
            fmt::format("no daemon is running: there is no socket {}; start one with 'nat64 "
                        "run', or name another one's socket with --socket",
                        name)};
    case ECONNREFUSED:
        return ControlFailure{
            fmt::format("no daemon is running: nobody listens on {}; start one with 'nat64 "
                        "run', or name another one's socket with --socket",
                        name)};
    case EACCES:
    case EPERM:
        return ControlFailure{fmt::format("{} is for {}", name, who_may(socket))};
    default:
        return failure("connect to " + name, error);
    }
}

ControlClient::ControlClient(std::filesystem::path socket, std::chrono::seconds patience)
    : path_{std::move(socket)},
      socket_{platform::adopt, ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)} {
    if (!socket_) throw failure("make a socket", errno);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path_.native().size() >= sizeof address.sun_path)
        throw connect_failure(ENAMETOOLONG, path_);
    path_.native().copy(address.sun_path, path_.native().size());
    const ::timeval time{.tv_sec = patience.count(), .tv_usec = 0};
    ::setsockopt(socket_.get(), SOL_SOCKET, SO_RCVTIMEO, &time, sizeof time);
    ::setsockopt(socket_.get(), SOL_SOCKET, SO_SNDTIMEO, &time, sizeof time);
    // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast): the socket API's own idiom
    const auto* generic = reinterpret_cast<const sockaddr*>(&address);
    if (::connect(socket_.get(), generic, sizeof address) != 0)
        throw connect_failure(errno, path_);
}

void ControlClient::send(std::string_view line) {
    const std::string bytes = fmt::format("{}\n", line);
    std::string_view rest = bytes;
    while (!rest.empty()) {
        const ssize_t sent = ::send(socket_.get(), rest.data(), rest.size(), MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR) continue;
        if (sent < 0 && (errno == EPIPE || errno == ECONNRESET)) return;
        if (sent < 0) throw failure("send to " + path_.native(), errno);
        rest.remove_prefix(static_cast<std::size_t>(sent));
    }
}

std::optional<std::string_view> ControlClient::next_line() {
    while (true) {
        const std::size_t end = buffer_.find('\n', scanned_);
        if (end != std::string::npos) {
            const std::string_view line{buffer_.data() + begin_, end - begin_};
            begin_ = scanned_ = end + 1;
            return line;
        }
        buffer_.erase(0, begin_);
        begin_ = 0;
        scanned_ = buffer_.size();
        if (!fill()) return std::nullopt;
    }
}

void ControlClient::hang_up() noexcept {
    ::shutdown(socket_.get(), SHUT_RDWR);
}

/// Reads once; false at the end.
bool ControlClient::fill() {
    if (buffer_.size() > kLongestLine)
        throw ControlFailure{fmt::format("{} does not speak our protocol", path_.native())};
    const std::size_t had = buffer_.size();
    buffer_.resize(had + kReadSize);
    ssize_t got = 0;
    do {
        got = ::recv(socket_.get(), buffer_.data() + had, kReadSize, 0);
    } while (got < 0 && errno == EINTR);
    const int error = errno;
    buffer_.resize(had + static_cast<std::size_t>(got > 0 ? got : 0));
    if (got >= 0) return got > 0;
    if (error == ECONNRESET) return false;
    if (error == EAGAIN || error == EWOULDBLOCK)
        throw ControlFailure{fmt::format("the daemon on {} does not answer", path_.native())};
    throw failure("read from " + path_.native(), error);
}

} // namespace nat64::cli
