// SPDX-License-Identifier: Apache-2.0
// sd_notify(3) without libsystemd.
#include "platform/service_notify.hpp"

#include "platform/unique_fd.hpp"

#include <charconv>
#include <chrono>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace nat64::platform {

namespace {

std::string_view environment(const char* name) noexcept {
    const char* value = std::getenv(name); // NOLINT(concurrency-mt-unsafe): before any thread
    return value == nullptr ? std::string_view{} : std::string_view{value};
}

std::optional<long> number(std::string_view text) noexcept {
    long value = 0;
    const auto result = std::from_chars(text.data(), text.data() + text.size(), value);
    if (result.ec != std::errc{} || result.ptr != text.data() + text.size()) return {};
    return value;
}

std::optional<std::chrono::microseconds> watchdog_from_environment() noexcept {
    const auto interval = number(environment("WATCHDOG_USEC"));
    if (!interval || *interval <= 0) return {};
    const auto pid = environment("WATCHDOG_PID");
    if (!pid.empty() && number(pid) != ::getpid()) return {};
    return std::chrono::microseconds{*interval};
}

} // namespace

ServiceNotify::ServiceNotify(std::string_view socket) {
    sockaddr_un address{};
    if (socket.empty() || socket.size() >= sizeof address.sun_path) return;
    fd_ = UniqueFd{adopt, ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
    if (!fd_) return;
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, socket.data(), socket.size());
    if (address.sun_path[0] == '@') address.sun_path[0] = '\0';
    const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + socket.size());
    // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast): the socket API's own idiom
    const auto* const generic = reinterpret_cast<const sockaddr*>(&address);
    if (::connect(fd_.get(), generic, length) != 0) fd_.reset();
}

ServiceNotify ServiceNotify::from_environment() {
    ServiceNotify notify{environment("NOTIFY_SOCKET")};
    notify.watchdog_interval_ = watchdog_from_environment();
    return notify;
}

void ServiceNotify::ready(std::string_view status) const noexcept {
    if (!fd_) return;
    send("READY=1\nSTATUS=" + std::string{status});
}

void ServiceNotify::stopping() const noexcept {
    send("STOPPING=1");
}

void ServiceNotify::watchdog() const noexcept {
    send("WATCHDOG=1");
}

void ServiceNotify::send(std::string_view message) const noexcept {
    if (fd_) ::send(fd_.get(), message.data(), message.size(), MSG_NOSIGNAL);
}

} // namespace nat64::platform
