// SPDX-License-Identifier: Apache-2.0
// A child process does the work: namespaces cannot be left again.
#include "tests/support/private_network.hpp"

#include <array>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <fstream>

#include <doctest/doctest.h>

#include <fcntl.h>
#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

namespace nat64::test {

namespace {

constexpr int kNotAllowed = 77;

bool write_file(const char* path, const std::string& text) {
    std::ofstream file{path};
    file << text << std::flush;
    return file.good();
}

/// As root the network namespace alone will do, which works in more places.
bool enter() {
    if (::geteuid() == 0 && ::unshare(CLONE_NEWNET) == 0) return true;
    const auto user = std::to_string(::geteuid());
    const auto group = std::to_string(::getegid());
    return ::unshare(CLONE_NEWUSER | CLONE_NEWNET) == 0 &&
           write_file("/proc/self/setgroups", "deny") &&
           write_file("/proc/self/uid_map", "0 " + user + " 1") &&
           write_file("/proc/self/gid_map", "0 " + group + " 1");
}

[[noreturn]] void child(int out, const std::function<std::string()>& work) {
    if (!enter()) ::_exit(kNotAllowed);
    std::string text;
    try {
        text = work();
    } catch (const std::exception& error) {
        text = std::string{"threw: "} + error.what();
    }
    for (std::size_t sent = 0; sent < text.size();) {
        const auto n = ::write(out, text.data() + sent, text.size() - sent);
        if (n <= 0) ::_exit(1);
        sent += static_cast<std::size_t>(n);
    }
    ::_exit(0);
}

std::string read_all(int fd) {
    std::string text;
    std::array<char, 4096> part{};
    for (;;) {
        const auto n = ::read(fd, part.data(), part.size());
        if (n <= 0) return text;
        text.append(part.data(), static_cast<std::size_t>(n));
    }
}

} // namespace

std::optional<std::string> in_private_network(const std::function<std::string()>& work) {
    std::array<int, 2> ends{};
    REQUIRE(::pipe2(ends.data(), O_CLOEXEC) == 0);
    std::fflush(nullptr);
    const auto pid = ::fork();
    REQUIRE(pid >= 0);
    if (pid == 0) child(ends[1], work);
    ::close(ends[1]);
    auto text = read_all(ends[0]);
    ::close(ends[0]);
    int status = 0;
    ::waitpid(pid, &status, 0);
    if (WIFEXITED(status) && WEXITSTATUS(status) == kNotAllowed) {
        MESSAGE("skipped: this machine allows no network namespace");
        return std::nullopt;
    }
    REQUIRE(WIFEXITED(status));
    REQUIRE(WEXITSTATUS(status) == 0);
    return text;
}

std::string output_of(const std::string& command) {
    // NOLINTNEXTLINE(cert-env33-c): a fixed command of the test
    auto* pipe =
        ::popen(("export PATH=$PATH:/usr/sbin:/sbin; " + command + " 2>&1").c_str(), "r");
    if (pipe == nullptr) return "popen failed";
    std::string text;
    std::array<char, 4096> part{};
    while (const auto n = std::fread(part.data(), 1, part.size(), pipe))
        text.append(part.data(), n);
    const auto status = ::pclose(pipe);
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
        text += "exit " + std::to_string(WEXITSTATUS(status));
    return text;
}

bool have_program(const std::string& name) {
    return output_of("command -v " + name + " >/dev/null").empty();
}

} // namespace nat64::test
