// SPDX-License-Identifier: Apache-2.0
#include "tests/service/line_client.hpp"

#include <cerrno>
#include <system_error>

#include <fmt/format.h>

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

namespace nat64::test {

LineClient::LineClient(const std::filesystem::path& socket)
    : fd_{platform::adopt, ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)} {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    socket.native().copy(address.sun_path, sizeof address.sun_path - 1);
    // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast): the socket API's own idiom
    const auto* generic = reinterpret_cast<const sockaddr*>(&address);
    if (::connect(fd_.get(), generic, sizeof address) != 0)
        throw std::system_error{errno, std::generic_category(), "connect"};
}

bool LineClient::send(std::string_view bytes) {
    while (!bytes.empty()) {
        const ssize_t sent = ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (sent <= 0) return false;
        bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
}

void LineClient::half_close() {
    ::shutdown(fd_.get(), SHUT_WR);
}

std::optional<std::string> LineClient::line() {
    while (true) {
        const std::size_t end = buffer_.find('\n');
        if (end != std::string::npos) {
            std::string line = buffer_.substr(0, end);
            buffer_.erase(0, end + 1);
            return line;
        }
        char bytes[4096];
        const ssize_t got = ::recv(fd_.get(), bytes, sizeof bytes, 0);
        if (got <= 0) return std::nullopt;
        buffer_.append(bytes, static_cast<std::size_t>(got));
    }
}

std::vector<std::string> LineClient::reply() {
    std::vector<std::string> lines;
    while (auto next = line()) {
        lines.push_back(*next);
        if (next->find("\"done\":true") != std::string::npos) break;
    }
    return lines;
}

std::vector<std::string> LineClient::ask(std::string_view request) {
    send(request);
    send("\n");
    return reply();
}

bool LineClient::hung_up() {
    pollfd fd{.fd = fd_.get(), .events = 0, .revents = 0};
    return ::poll(&fd, 1, 10'000) == 1 && (fd.revents & POLLHUP) != 0;
}

std::string show_request(std::string_view what, std::string_view extra) {
    return fmt::format(R"({{"v":1,"id":7,"verb":"show","what":"{}"{}}})", what, extra);
}

} // namespace nat64::test
