// SPDX-License-Identifier: Apache-2.0
// What code that took over one of the two processes could still reach: each attempt in a
// process of its own, confined, with the privileges of whoever runs the tests (root, mostly).
#include "platform/confinement.hpp"
#include "platform/privileges.hpp"
#include "platform/syscall_filter.hpp"
#include "platform/unique_fd.hpp"

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <initializer_list>
#include <stdexcept>
#include <string>
#include <thread>

#include <doctest/doctest.h>

#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/netlink.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/ioctl.h>
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

/// How a process ends that is confined by `confine` and makes the attempt.
int status_of(const std::function<bool()>& confine, const std::function<bool()>& attempt) {
    const auto child = ::fork();
    if (child == 0) {
        const rlimit no_core{};
        ::setrlimit(RLIMIT_CORE, &no_core);
        platform::drop_privileges();
        if (!confine()) ::_exit(kNotConfined);
        errno = 0;
        const bool done = attempt();
        ::_exit(done ? 0 : errno);
    }
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    return status;
}

/// The errno that `attempt` ends with when confined, 0 if it succeeds.
int exit_of(int status) {
    REQUIRE(WIFEXITED(status));
    return WEXITSTATUS(status);
}

int confined(const std::function<bool()>& attempt) {
    return exit_of(status_of(platform::confine, attempt));
}

int confined_machine(const std::function<bool()>& attempt,
                     platform::Tcp tcp = platform::Tcp::No) {
    return exit_of(status_of([tcp] { return platform::confine_machine(tcp); }, attempt));
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
    const auto attempt = [] {
        std::signal(SIGABRT, SIG_DFL);
        std::abort();
        return true;
    };
    for (const auto& confine : {std::function{platform::confine}, std::function{[] {
                                    return platform::confine_machine(platform::Tcp::No);
                                }}}) {
        const int status = status_of(confine, attempt);
        REQUIRE(WIFSIGNALED(status));
        CHECK(WTERMSIG(status) == SIGABRT);
    }
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

TEST_CASE("confinement: nat64-machine gets no farther than files, netlink and Unix sockets") {
    if (!can_confine()) return;
    const auto file = std::filesystem::temp_directory_path() /
                      ("nat64-confinement-test-" + std::to_string(::getpid()));
    const UniqueFd made{adopt, ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600)};
    REQUIRE(made);
    const auto opens = [&file](int flags) {
        return [&file, flags] { return ::open(file.c_str(), flags, 0600) >= 0; };
    };
    const std::array attempts{
        Attempt{"truncate a file", opens(O_WRONLY | O_TRUNC)},
        Attempt{"append to a file", opens(O_WRONLY | O_APPEND)},
        Attempt{"write a file that may be there", opens(O_WRONLY | O_CREAT)},
        Attempt{"read and write a file", opens(O_RDWR)},
        Attempt{"refer to a file", opens(O_PATH)},
        Attempt{"write a file without a name",
                [] { return ::open("/tmp", O_WRONLY | O_TMPFILE, 0600) >= 0; }},
        Attempt{
            "read a file by openat2",
            [] { return ::syscall(SYS_openat2, AT_FDCWD, "/etc/passwd", nullptr, 0) >= 0; }},
        Attempt{"shorten a file", [&file] { return ::truncate(file.c_str(), 0) == 0; }},
        Attempt{"make a link",
                [&file] { return ::symlink(file.c_str(), "/tmp/nat64-confined") == 0; }},
        Attempt{"give a file away", [&file] { return ::chown(file.c_str(), 1, 1) == 0; }},
        Attempt{"make a device",
                [] { return ::mknod("/tmp/nat64-confined", S_IFCHR, 0) == 0; }},
        Attempt{"run a program", [] { return ::execl("/bin/true", "true", nullptr) == 0; }},
        Attempt{"run a program by its descriptor",
                [] { return ::syscall(SYS_execveat, 0, "", nullptr, nullptr, 0) == 0; }},
        Attempt{"start a process", [] { return ::syscall(SYS_fork) >= 0; }},
        Attempt{"start a thread",
                [] { return ::syscall(SYS_clone, CLONE_THREAD, 0, 0, 0, 0) >= 0; }},
        Attempt{"start either by clone3",
                [] { return ::syscall(SYS_clone3, nullptr, 0) >= 0; }},
        Attempt{"signal another process", [] { return ::kill(::getppid(), 0) == 0; }},
        Attempt{"trace another process",
                [] { return ::ptrace(PTRACE_ATTACH, ::getppid(), nullptr, nullptr) == 0; }},
        Attempt{"read another process's memory",
                [] {
                    return ::syscall(
                               SYS_process_vm_readv, ::getppid(), nullptr, 0, nullptr, 0, 0) >=
                           0;
                }},
        Attempt{"write another process's memory",
                [] {
                    return ::syscall(
                               SYS_process_vm_writev, ::getppid(), nullptr, 0, nullptr, 0, 0) >=
                           0;
                }},
        Attempt{"take another process's descriptor",
                [] { return ::syscall(SYS_pidfd_getfd, 0, 0, 0) >= 0; }},
        Attempt{"load a BPF program",
                [] { return ::syscall(SYS_bpf, BPF_PROG_LOAD, nullptr, 0) >= 0; }},
        Attempt{"load a module", [] { return ::syscall(SYS_finit_module, 0, "", 0) == 0; }},
        Attempt{"mount", [] { return ::mount("none", "/mnt", "tmpfs", 0, nullptr) == 0; }},
        Attempt{"make a user namespace", [] { return ::unshare(CLONE_NEWUSER) == 0; }},
        Attempt{"enter a network namespace",
                [] { return ::syscall(SYS_setns, 0, CLONE_NEWNET) == 0; }},
        Attempt{"change its root", [] { return ::chroot("/tmp") == 0; }},
        Attempt{"make memory that is code",
                [] {
                    return ::mmap(nullptr,
                                  4096,
                                  PROT_READ | PROT_EXEC,
                                  MAP_PRIVATE | MAP_ANONYMOUS,
                                  -1,
                                  0) != MAP_FAILED;
                }},
        Attempt{"use the IPv4 network", [] { return ::socket(AF_INET, SOCK_STREAM, 0) >= 0; }},
        Attempt{"use datagrams", [] { return ::socket(AF_INET6, SOCK_DGRAM, 0) >= 0; }},
        Attempt{"use raw packets", [] { return ::socket(AF_PACKET, SOCK_RAW, 0) >= 0; }},
        Attempt{"use another netlink",
                [] { return ::socket(AF_NETLINK, SOCK_RAW, NETLINK_KOBJECT_UEVENT) >= 0; }},
        Attempt{"change an interface by ioctl",
                [] { return ::ioctl(0, SIOCSIFFLAGS, nullptr) == 0; }},
        Attempt{"keep the kernel's limits off",
                [] {
                    const rlimit all{RLIM_INFINITY, RLIM_INFINITY};
                    return ::setrlimit(RLIMIT_AS, &all) == 0;
                }},
    };
    for (const auto& attempt : attempts) {
        CAPTURE(attempt.what);
        const int error = confined_machine(attempt.make);
        CHECK(error == EPERM);
    }
    CHECK(confined_machine([] { return ::socket(AF_INET, SOCK_DGRAM, 0) >= 0; },
                           platform::Tcp::Yes) == EPERM);
    std::filesystem::remove(file);
}

TEST_CASE("confinement: nat64-machine does what it is asked for") {
    if (!can_confine()) return;
    const auto directory = std::filesystem::temp_directory_path() /
                           ("nat64-confinement-test-" + std::to_string(::getpid()));
    const auto file = directory / "file";
    CHECK(confined_machine([&] {
              // A new file, written as it is, read, replaced, and away with it.
              const auto open = [&file](int flags) {
                  return UniqueFd{adopt, ::open(file.c_str(), flags | O_CLOEXEC, 0600)};
              };
              return ::mkdir(directory.c_str(), 0755) == 0 &&
                     open(O_WRONLY | O_CREAT | O_EXCL) && open(O_WRONLY) && open(O_RDONLY) &&
                     open(O_RDONLY | O_NOFOLLOW | O_NONBLOCK) &&
                     std::filesystem::exists(file) && ::chmod(file.c_str(), 0660) == 0 &&
                     ::lchown(file.c_str(), static_cast<uid_t>(-1), ::getegid()) == 0 &&
                     ::rename(file.c_str(), (directory / "other").c_str()) == 0 &&
                     ::unlink((directory / "other").c_str()) == 0 &&
                     ::rmdir(directory.c_str()) == 0;
          }) == 0);
    for (const int protocol : {NETLINK_ROUTE, NETLINK_NETFILTER})
        CHECK(confined_machine([protocol] {
                  return ::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol) >= 0;
              }) == 0);
    CHECK(confined_machine([] { return ::if_nametoindex("lo") != 0; }) == 0);
    for (const int family : {AF_INET, AF_INET6})
        CHECK(confined_machine(
                  [family] {
                      constexpr int kType = SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC;
                      return ::socket(family, kType, 0) >= 0;
                  },
                  platform::Tcp::Yes) == 0);
    CHECK(confined_machine([] {
              try {
                  throw std::runtime_error{"as handlers do"};
              } catch (const std::exception&) {
                  return std::malloc(std::size_t{64} << 20) != nullptr;
              }
          }) == 0);
}

#ifdef __x86_64__
TEST_CASE("confinement: calls by another architecture's numbers end the process") {
    if (!can_confine()) return;
    const auto x32 = [] {
        constexpr long kX32 = 0x40000000;
        return ::syscall(kX32 | SYS_getpid) > 0;
    };
    const auto of_32_bits = [] {
        long number = 20; // getpid() there, writev() here
        __asm__ volatile("int $0x80" : "+a"(number) : : "memory");
        return number > 0;
    };
    for (const auto& confine : {std::function{platform::confine}, std::function{[] {
                                    return platform::confine_machine(platform::Tcp::No);
                                }}})
        for (const auto& attempt : {std::function<bool()>{x32}, {of_32_bits}}) {
            const int status = status_of(confine, attempt);
            REQUIRE(WIFSIGNALED(status));
            const bool refused = WTERMSIG(status) == SIGSYS ||
                                 WTERMSIG(status) == SIGSEGV; // a kernel without 32 bits
            CHECK(refused);
        }
}
#endif

TEST_CASE("confinement: the lists can be said on every architecture") {
    for (const std::uint32_t architecture :
         std::initializer_list<std::uint32_t>{SCMP_ARCH_X86_64,
                                              SCMP_ARCH_AARCH64,
                                              SCMP_ARCH_RISCV64,
                                              SCMP_ARCH_PPC64LE,
                                              SCMP_ARCH_S390X,
                                              SCMP_ARCH_ARM}) {
        CAPTURE(architecture);
        platform::SyscallFilter packets{architecture};
        platform::allow_packets(packets);
        platform::SyscallFilter machine{architecture};
        platform::allow_machine(machine, platform::Tcp::Yes);
        const auto of_packets = packets.text();
        const auto of_machine = machine.text();
        const auto names = [](const std::string& text, const std::string& call) {
            return text.find("\"" + call + "\"") != std::string::npos;
        };
        for (const auto* call : {"read", "writev", "futex", "clone", "epoll_ctl", "ppoll"})
            CHECK(names(of_packets, call));
        for (const auto* call : {"openat", "unlinkat", "mkdirat", "bind", "flock", "ppoll"})
            CHECK(names(of_machine, call));
        for (const auto* call : {"openat", "socket", "connect"})
            CHECK_FALSE(names(of_packets, call));
        for (const auto* call : {"execve", "execveat", "ptrace", "bpf", "mount", "kill"})
            CHECK_FALSE(names(of_packets + of_machine, call));
    }
}

} // namespace nat64
