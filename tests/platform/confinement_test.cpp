// SPDX-License-Identifier: Apache-2.0
// What code that took over the packet process could still reach: each attempt in a process of
// its own, confined, with the privileges of whoever runs the tests (root, mostly).
#include "platform/confinement.hpp"
#include "platform/privileges.hpp"

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <functional>
#include <thread>

#include <doctest/doctest.h>

#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/netlink.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace nat64 {

namespace {

constexpr int kNotConfined = 250;

/// The errno that `attempt` ends with when confined, 0 if it succeeds.
int confined(const std::function<bool()>& attempt) {
    const auto child = ::fork();
    if (child == 0) {
        platform::drop_privileges();
        if (!platform::confine()) ::_exit(kNotConfined);
        errno = 0;
        const bool done = attempt();
        ::_exit(done ? 0 : errno);
    }
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    REQUIRE(WIFEXITED(status));
    return WEXITSTATUS(status);
}

bool can_confine() {
    return confined([] { return true; }) != kNotConfined;
}

struct Attempt {
    const char* what;
    std::function<bool()> make;
};

} // namespace

TEST_CASE("confinement: nothing but its descriptors can be reached") {
    if (!can_confine()) return;
    const std::array attempts{
        Attempt{"read a file", [] { return ::open("/etc/passwd", O_RDONLY) >= 0; }},
        Attempt{
            "read a file by openat2",
            [] { return ::syscall(SYS_openat2, AT_FDCWD, "/etc/passwd", nullptr, 0) >= 0; }},
        Attempt{"write a file",
                [] { return ::open("/tmp/nat64-confined", O_WRONLY | O_CREAT, 0600) >= 0; }},
        Attempt{"look at a file",
                [] {
                    struct ::stat found{};
                    return ::stat("/etc/passwd", &found) == 0;
                }},
        Attempt{"remove a file", [] { return ::unlink("/tmp/nat64-confined") == 0; }},
        Attempt{"change a file's mode", [] { return ::chmod("/tmp", 0777) == 0; }},
        Attempt{"run a program", [] { return ::execl("/bin/true", "true", nullptr) == 0; }},
        Attempt{"start a process", [] { return ::syscall(SYS_fork) >= 0; }},
        Attempt{"start a process by clone",
                [] { return ::syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0) >= 0; }},
        Attempt{"signal another process", [] { return ::kill(::getppid(), 0) == 0; }},
        Attempt{"trace another process",
                [] { return ::ptrace(PTRACE_ATTACH, ::getppid(), nullptr, nullptr) == 0; }},
        Attempt{"use the IPv4 network", [] { return ::socket(AF_INET, SOCK_STREAM, 0) >= 0; }},
        Attempt{"use the IPv6 network", [] { return ::socket(AF_INET6, SOCK_DGRAM, 0) >= 0; }},
        Attempt{"use raw packets", [] { return ::socket(AF_PACKET, SOCK_RAW, 0) >= 0; }},
        Attempt{"use netlink",
                [] { return ::socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE) >= 0; }},
        Attempt{"talk to a local service",
                [] { return ::socket(AF_UNIX, SOCK_STREAM, 0) >= 0; }},
        Attempt{"connect a socket", [] { return ::connect(0, nullptr, 0) == 0; }},
        Attempt{"make a user namespace", [] { return ::unshare(CLONE_NEWUSER) == 0; }},
        Attempt{"mount", [] { return ::mount("none", "/mnt", "tmpfs", 0, nullptr) == 0; }},
        Attempt{"load a BPF program",
                [] { return ::syscall(SYS_bpf, BPF_PROG_LOAD, nullptr, 0) >= 0; }},
        Attempt{"make memory that is code",
                [] {
                    return ::mmap(nullptr,
                                  4096,
                                  PROT_READ | PROT_WRITE | PROT_EXEC,
                                  MAP_PRIVATE | MAP_ANONYMOUS,
                                  -1,
                                  0) != MAP_FAILED;
                }},
        Attempt{"read another process's memory",
                [] {
                    return ::syscall(
                               SYS_process_vm_readv, ::getppid(), nullptr, 0, nullptr, 0, 0) >=
                           0;
                }},
    };
    for (const auto& attempt : attempts) {
        CAPTURE(attempt.what);
        CHECK(confined(attempt.make) == EPERM);
    }
}

TEST_CASE("confinement: what the daemon does all day goes on") {
    if (!can_confine()) return;
    CHECK(confined([] {
              bool ran = false;
              std::thread{[&ran] { ran = true; }}.join();
              return ran;
          }) == 0);
    CHECK(confined([] { return std::malloc(std::size_t{64} << 20) != nullptr; }) == 0);
    const int file = ::open("/proc/self/stat", O_RDONLY | O_CLOEXEC);
    REQUIRE(file >= 0);
    CHECK(confined([file] {
              char byte = 0;
              return ::pread(file, &byte, 1, 0) == 1;
          }) == 0);
    ::close(file);
}

TEST_CASE("confinement: threads that begin later are confined as well") {
    if (!can_confine()) return;
    CHECK(confined([] {
              int error = 0;
              std::thread{[&error] {
                  if (::open("/etc/passwd", O_RDONLY) < 0) error = errno;
              }}.join();
              errno = error;
              return error == 0;
          }) == EPERM);
}

} // namespace nat64
