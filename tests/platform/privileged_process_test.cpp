// SPDX-License-Identifier: Apache-2.0
// The process boundary: real processes, real socket pairs.
#include "platform/os_error.hpp"
#include "platform/privileged_process.hpp"
#include "platform/unique_fd.hpp"

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstddef>
#include <fstream>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#include <doctest/doctest.h>

#include <fcntl.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace nat64 {

using namespace platform;

namespace {

struct Twice {
    static constexpr std::string_view kName = "twice";
    using Reply = std::string;
    std::string text;

    template <typename Archive>
    void serialize(Archive& archive) {
        archive(text);
    }
};

struct Fail {
    static constexpr std::string_view kName = "fail";
    using Reply = Done;
    int error = 0;

    template <typename Archive>
    void serialize(Archive& archive) {
        archive(error);
    }
};

struct Pid : Done {
    static constexpr std::string_view kName = "pid";
    using Reply = int;
};

/// The reading end of a pipe with one byte in it, or none.
struct OpenPipe {
    static constexpr std::string_view kName = "open_pipe";

    struct Reply {
        int byte = 0;
        UniqueFd descriptor;

        template <typename Archive>
        void serialize(Archive& archive) {
            archive(byte);
        }
    };

    bool wanted = true;

    template <typename Archive>
    void serialize(Archive& archive) {
        archive(wanted);
    }
};

OpenPipe::Reply open_pipe(const OpenPipe& request) {
    if (!request.wanted) return {};
    std::array<int, 2> ends{};
    if (::pipe(ends.data()) != 0) throw_errno("make a pipe");
    UniqueFd reading{adopt, ends[0]};
    const UniqueFd writing{adopt, ends[1]};
    const char byte = 'x';
    if (::write(writing.get(), &byte, 1) != 1) throw_errno("write to a pipe");
    return {byte, std::move(reading)};
}

struct Unknown : Done {
    static constexpr std::string_view kName = "unknown";
    using Reply = Done;
};

void serve(Requests& requests) {
    requests.serve<Twice>([](const Twice& r) { return r.text + r.text; });
    requests.serve<Pid>([](const Pid&) { return ::getpid(); });
    requests.serve<OpenPipe>(open_pipe);
    requests.serve<Fail>([](const Fail& r) -> Done {
        if (r.error == 0) throw std::runtime_error{"plain failure"};
        throw OsError{r.error, "open a thing", "Do another thing"};
    });
}

/// Says that its text has so many characters.
struct Liar {
    static constexpr std::string_view kName = "twice";
    using Reply = Done;
    cereal::size_type length = 0;

    template <typename Archive>
    void serialize(Archive& archive) {
        archive(length);
    }
};

/// The most memory a process has had so far, in kB.
long peak_memory(pid_t pid) {
    std::ifstream status{"/proc/" + std::to_string(pid) + "/status"};
    for (std::string line; std::getline(status, line);)
        if (line.starts_with("VmHWM:")) return std::stol(line.substr(6));
    return 0;
}

/// Whether the descriptor becomes readable within a second.
bool readable(int fd) {
    pollfd ready{.fd = fd, .events = POLLIN, .revents = 0};
    return ::poll(&ready, 1, 1000) == 1;
}

} // namespace

TEST_CASE("privileged process: requests of all sizes are answered by another process") {
    PrivilegedProcess process{serve};
    CHECK(process.call(Pid{}) == process.pid());
    CHECK(process.pid() != ::getpid());
    for (const std::size_t size : {0U, 1U, 65535U, 300'000U}) {
        const auto text = std::string(size, 'x');
        CHECK(process.call(Twice{text}) == text + text);
    }
}

TEST_CASE("privileged process: what a handler throws is thrown by the call") {
    PrivilegedProcess process{serve};
    try {
        process.call(Fail{EPERM});
        FAIL("no exception");
    } catch (const OsError& error) {
        CHECK(error.code().value() == EPERM);
        CHECK(std::string_view{error.what()} ==
              "open a thing: Operation not permitted. Do another thing");
    }
    CHECK_THROWS_WITH_AS(process.call(Fail{0}), "plain failure", std::runtime_error);
    CHECK_THROWS_WITH(process.call(Unknown{}), "no such request");
    CHECK(process.call(Twice{"a"}) == "aa");
}

TEST_CASE("privileged process: descriptors are handed over beside answers") {
    PrivilegedProcess process{serve};
    for (int round = 0; round < 3; ++round) {
        const auto reply = process.call(OpenPipe{});
        char byte = 0;
        REQUIRE(::read(reply.descriptor.get(), &byte, 1) == 1);
        CHECK(byte == reply.byte);
        CHECK(::read(reply.descriptor.get(), &byte, 1) == 0); // nobody holds the other end
        CHECK(::fcntl(reply.descriptor.get(), F_GETFD) == FD_CLOEXEC);
    }
    CHECK_FALSE(process.call(OpenPipe{false}).descriptor);
    CHECK(process.call(Twice{"a"}) == "aa");
}

TEST_CASE("privileged process: a descriptor that finds no room is said to have found none") {
    PrivilegedProcess process{serve};
    rlimit before{};
    REQUIRE(::getrlimit(RLIMIT_NOFILE, &before) == 0);
    rlimit none = before;
    none.rlim_cur = 0;
    REQUIRE(::setrlimit(RLIMIT_NOFILE, &none) == 0);
    int error = 0;
    try {
        process.call(OpenPipe{});
    } catch (const OsError& failure) {
        error = failure.code().value();
    }
    REQUIRE(::setrlimit(RLIMIT_NOFILE, &before) == 0);
    CHECK(error == EMFILE);
    CHECK(process.call(OpenPipe{}).descriptor);
}

TEST_CASE("privileged process: what cannot be prepared is told at the start") {
    CHECK_THROWS_WITH(
        PrivilegedProcess([](Requests&) { throw std::runtime_error{"no can do"}; }),
        "no can do");
    try {
        const PrivilegedProcess process{
            [](Requests&) { throw OsError{EACCES, "open a thing"}; }};
        FAIL("no exception");
    } catch (const OsError& error) {
        CHECK(error.code().value() == EACCES);
    }
}

TEST_CASE("privileged process: a request that is too large ends the process, not this one") {
    PrivilegedProcess process{serve};
    CHECK_THROWS_AS(process.call(Twice{std::string(2'000'000, 'x')}), OsError);
    CHECK(readable(process.take_loss_fd().get()));
    CHECK_THROWS_AS(process.call(Pid{}), OsError);
}

TEST_CASE("privileged process: a length that is a lie is refused") {
    PrivilegedProcess process{serve};
    const auto before = peak_memory(process.pid());
    REQUIRE(before > 0);
    for (const int bits : {60, 29}) { // more than there is, and what could be had
        CHECK_THROWS(process.call(Liar{cereal::size_type{1} << bits}));
        CHECK(process.call(Twice{"a"}) == "aa");
    }
    CHECK(peak_memory(process.pid()) < before + 100'000);
}

TEST_CASE("privileged process: its end is seen, and its life is not the signals'") {
    auto process = std::make_unique<PrivilegedProcess>(serve);
    for (const int number : {SIGINT, SIGTERM, SIGHUP})
        REQUIRE(::kill(process->pid(), number) == 0);
    CHECK(process->call(Twice{"a"}) == "aa");
    const auto pid = process->pid();
    REQUIRE(::kill(pid, SIGKILL) == 0);
    CHECK(readable(process->take_loss_fd().get()));
    CHECK_THROWS_AS(process->call(Pid{}), OsError);
    process.reset();
    CHECK(::kill(pid, 0) != 0);
}

TEST_CASE("privileged process: one that does not answer is given up, and told apart") {
    PrivilegedProcess process{serve, std::chrono::seconds{1}};
    const auto loss = process.take_loss_fd();
    REQUIRE(::kill(process.pid(), SIGSTOP) == 0);
    const auto error_of_call = [&] {
        try {
            process.call(Pid{});
        } catch (const OsError& error) {
            return error.code().value();
        }
        return 0;
    };
    CHECK(error_of_call() == ETIMEDOUT);
    CHECK(readable(loss.get()));
    const auto then = std::chrono::steady_clock::now();
    CHECK(error_of_call() == ETIMEDOUT);
    CHECK_THROWS_AS(process.end(), OsError);
    CHECK(std::chrono::steady_clock::now() - then < std::chrono::milliseconds{500}); // once
    REQUIRE(::kill(process.pid(), SIGCONT) == 0);
    CHECK(::waitpid(process.pid(), nullptr, 0) == process.pid()); // it ends by itself
}

TEST_CASE("privileged process: one that does not end is not waited for") {
    PrivilegedProcess process{serve, std::chrono::seconds{1}};
    REQUIRE(::kill(process.pid(), SIGSTOP) == 0);
    CHECK_THROWS_WITH_AS(process.end(), doctest::Contains("nat64-machine"), OsError);
    REQUIRE(::kill(process.pid(), SIGCONT) == 0);
    CHECK(::waitpid(process.pid(), nullptr, 0) == process.pid());
}

TEST_CASE("privileged process: its end is waited for") {
    PrivilegedProcess process{serve};
    process.end();
    CHECK(::kill(process.pid(), 0) != 0);
}

TEST_CASE("privileged process: it ends with the other one, however that ends") {
    std::array<int, 2> pipe_ends{};
    REQUIRE(::pipe(pipe_ends.data()) == 0);
    const auto first = ::fork();
    if (first == 0) {
        const PrivilegedProcess process{serve};
        const auto pid = process.pid();
        (void)!::write(pipe_ends[1], &pid, sizeof(pid));
        ::pause();
        ::_exit(0);
    }
    pid_t second = 0;
    REQUIRE(::read(pipe_ends[0], &second, sizeof(second)) == sizeof(second));
    ::close(pipe_ends[1]);
    ::kill(first, SIGKILL);
    ::close(pipe_ends[0]);
    REQUIRE(::waitpid(first, nullptr, 0) == first);
    const platform::UniqueFd pidfd{platform::adopt,
                                   static_cast<int>(::syscall(SYS_pidfd_open, second, 0))};
    CHECK((!pidfd || readable(pidfd.get()))); // it may be gone already
}

} // namespace nat64
