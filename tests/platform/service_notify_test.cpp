// SPDX-License-Identifier: Apache-2.0
// ServiceNotify against a datagram socket that plays the service manager.
#include "platform/service_notify.hpp"

#include <array>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <string>

#include <doctest/doctest.h>

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace nat64::platform {

namespace {

/// Listens on a path, or in the abstract namespace when the name begins with '@'.
class Manager {
public:
    explicit Manager(const std::string& name)
        : fd_{adopt, ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)} {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        std::memcpy(address.sun_path, name.data(), name.size());
        if (name[0] == '@') address.sun_path[0] = '\0';
        const auto length =
            static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size());
        REQUIRE(::bind(fd_.get(), reinterpret_cast<const sockaddr*>(&address), length) == 0);
    }

    /// The next message; empty when there is none.
    std::string receive() {
        std::array<char, 256> buffer{};
        const ssize_t got = ::recv(fd_.get(), buffer.data(), buffer.size(), 0);
        return got <= 0 ? std::string{}
                        : std::string{buffer.data(), static_cast<std::size_t>(got)};
    }

private:
    UniqueFd fd_;
};

std::string unique(const std::string& name) {
    return name + std::to_string(::getpid());
}

/// Sets an environment variable for one test.
class Environment {
public:
    Environment(const char* name, const std::string& value) : name_{name} {
        ::setenv(name, value.c_str(), 1);
    }

    Environment(const Environment&) = delete;
    Environment& operator=(const Environment&) = delete;

    ~Environment() { ::unsetenv(name_); }

private:
    const char* name_;
};

} // namespace

TEST_CASE("sd_notify: messages arrive at a socket in the abstract namespace") {
    const std::string name = unique("@nat64-test-");
    Manager manager{name};
    const ServiceNotify notify{name};
    notify.ready("prefix 64:ff9b::/96");
    CHECK(manager.receive() == "READY=1\nSTATUS=prefix 64:ff9b::/96");
    notify.watchdog();
    CHECK(manager.receive() == "WATCHDOG=1");
    notify.stopping();
    CHECK(manager.receive() == "STOPPING=1");
}

TEST_CASE("sd_notify: messages arrive at a socket with a path") {
    const auto path = std::filesystem::temp_directory_path() / unique("nat64-notify-");
    std::filesystem::remove(path);
    Manager manager{path.string()};
    const ServiceNotify notify{path.string()};
    notify.stopping();
    CHECK(manager.receive() == "STOPPING=1");
    std::filesystem::remove(path);
}

TEST_CASE("sd_notify: without a service manager nothing happens") {
    const ServiceNotify notify{""};
    notify.ready("");
    notify.watchdog();
    CHECK_FALSE(notify.watchdog_interval());
}

TEST_CASE("sd_notify: a watchdog meant for another process is not ours") {
    const Environment interval{"WATCHDOG_USEC", "3000000"};
    {
        const Environment pid{"WATCHDOG_PID", std::to_string(::getpid())};
        CHECK(ServiceNotify::from_environment().watchdog_interval() ==
              std::chrono::microseconds{3'000'000});
    }
    const Environment other{"WATCHDOG_PID", std::to_string(::getpid() + 1)};
    CHECK_FALSE(ServiceNotify::from_environment().watchdog_interval());
}

TEST_CASE("sd_notify: a watchdog interval that is no number is ignored") {
    for (const std::string text : {"", "soon", "3s", "-1", "0"}) {
        CAPTURE(text);
        const Environment interval{"WATCHDOG_USEC", text};
        CHECK_FALSE(ServiceNotify::from_environment().watchdog_interval());
    }
}

} // namespace nat64::platform
