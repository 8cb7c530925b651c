// SPDX-License-Identifier: Apache-2.0
// What code that took over the packet process could still reach: each attempt in a process of
// its own, confined, with the privileges of whoever runs the tests (root, mostly).
#include "platform/confinement.hpp"
#include "platform/privileges.hpp"
#include "platform/unique_fd.hpp"

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
#include <netinet/in.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace nat64 {

using platform::adopt;
using platform::UniqueFd;

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

/// Of any family.
struct Address {
    sockaddr_storage bytes{};
    socklen_t size = sizeof bytes;

    [[nodiscard]] const sockaddr* generic() const {
        const void* raw = &bytes;
        return static_cast<const sockaddr*>(raw);
    }
};

/// Bound where the kernel likes: of IPv4 to some port, of Unix to some abstract name.
UniqueFd socket_at_no_path(sa_family_t family, int type) {
    UniqueFd fd{adopt, ::socket(family, type | SOCK_CLOEXEC, 0)};
    Address any;
    any.bytes.ss_family = family;
    any.size = family == AF_UNIX ? sizeof family : sizeof(sockaddr_in);
    REQUIRE(::bind(fd.get(), any.generic(), any.size) == 0);
    return fd;
}

UniqueFd listening(sa_family_t family) {
    auto fd = socket_at_no_path(family, SOCK_STREAM);
    REQUIRE(::listen(fd.get(), 1) == 0);
    return fd;
}

Address address_of(const UniqueFd& fd) {
    Address address;
    void* raw = &address.bytes;
    REQUIRE(::getsockname(fd.get(), static_cast<sockaddr*>(raw), &address.size) == 0);
    return address;
}

ssize_t send_to(const UniqueFd& fd, int flags, const Address& address) {
    return ::sendto(fd.get(), "x", 1, flags, address.generic(), address.size);
}

ssize_t send_message_to(const UniqueFd& fd, int flags, Address address) {
    char byte = 'x';
    iovec part{.iov_base = &byte, .iov_len = 1};
    msghdr message{};
    message.msg_name = &address.bytes;
    message.msg_namelen = address.size;
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    return ::sendmsg(fd.get(), &message, flags);
}

struct Attempt {
    const char* what;
    std::function<bool()> make;
};

} // namespace

TEST_CASE("confinement: nothing but its descriptors can be reached") {
    if (!can_confine()) return;
    const auto listener = listening(AF_INET);
    const auto victim = listening(AF_INET);
    const auto victim_address = address_of(victim);
    const auto service = socket_at_no_path(AF_UNIX, SOCK_DGRAM);
    const auto service_address = address_of(service);
    const UniqueFd datagrams{adopt, ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
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
        Attempt{"make a connection of what listened, by TCP fast open",
                [&listener, &victim_address] {
                    ::shutdown(listener.get(), SHUT_RD); // it is an ordinary socket then
                    return send_to(listener, MSG_FASTOPEN, victim_address) > 0;
                }},
        Attempt{"the same by a message",
                [&listener, &victim_address] {
                    ::shutdown(listener.get(), SHUT_RD);
                    return send_message_to(listener, MSG_FASTOPEN, victim_address) > 0;
                }},
        Attempt{"send a datagram to a local service",
                [&datagrams, &service_address] {
                    return send_to(datagrams, 0, service_address) > 0;
                }},
        Attempt{"the same by a message",
                [&datagrams, &service_address] {
                    return send_message_to(datagrams, 0, service_address) > 0;
                }},
        Attempt{"hand a descriptor over", [] { return ::sendmsg(0, nullptr, 0) >= 0; }},
        Attempt{"change a socket's options",
                [&listener] {
                    const int on = 1;
                    return ::setsockopt(
                               listener.get(), SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on) == 0;
                }},
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

TEST_CASE("confinement: what is connected can be written to") {
    if (!can_confine()) return;
    std::array<int, 2> ends{};
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) == 0);
    const UniqueFd here{adopt, ends[0]};
    const UniqueFd there{adopt, ends[1]};
    CHECK(confined([&here] { return ::send(here.get(), "x", 1, MSG_NOSIGNAL) == 1; }) == 0);
    char byte = 0;
    CHECK(::recv(there.get(), &byte, 1, MSG_DONTWAIT) == 1);
}

TEST_CASE("confinement: abort() ends the process by its signal") {
    if (!can_confine()) return;
    const auto child = ::fork();
    if (child == 0) {
        const rlimit no_core{};
        ::setrlimit(RLIMIT_CORE, &no_core);
        std::signal(SIGABRT, SIG_DFL);
        platform::drop_privileges();
        platform::confine();
        std::abort();
    }
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    REQUIRE(WIFSIGNALED(status));
    CHECK(WTERMSIG(status) == SIGABRT);
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
