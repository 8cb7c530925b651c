// SPDX-License-Identifier: Apache-2.0
// The privileged process. The list is what it was seen to call, and what the C library calls in
// its place on other architectures. A filter cannot read names of files, which lie in memory:
// which ones is a matter of its user, and of the service file.
#include "platform/confinement.hpp"
#include "platform/syscall_filter.hpp"

#include <array>
#include <cstdint>
#include <utility>

#include <fcntl.h>
#include <linux/netlink.h>
#include <linux/sockios.h>
#include <seccomp.h>
#include <sys/socket.h>

namespace nat64::platform {

namespace {

constexpr std::array kMachine{
    // answers, with descriptors beside them, and netlink
    SCMP_SYS(send),
    SCMP_SYS(sendto),
    SCMP_SYS(sendmsg),
    SCMP_SYS(bind),
    // the sockets' files and directories, the note of sysctls, the configuration
    SCMP_SYS(connect),
    SCMP_SYS(listen),
    SCMP_SYS(flock),
    SCMP_SYS(stat),
    SCMP_SYS(stat64),
    SCMP_SYS(lstat),
    SCMP_SYS(lstat64),
    SCMP_SYS(newfstatat),
    SCMP_SYS(fstatat64),
    SCMP_SYS(statx),
    SCMP_SYS(mkdir),
    SCMP_SYS(mkdirat),
    SCMP_SYS(rmdir),
    SCMP_SYS(unlink),
    SCMP_SYS(unlinkat),
    SCMP_SYS(rename),
    SCMP_SYS(renameat),
    SCMP_SYS(renameat2),
    SCMP_SYS(fchmod),
    SCMP_SYS(chmod),
    SCMP_SYS(fchmodat),
    SCMP_SYS(lchown),
    SCMP_SYS(lchown32),
    SCMP_SYS(fchownat),
};

/// What is said of how a file is opened, but that its descriptor is not inherited, and that it
/// may be a large one.
constexpr auto kOpening = static_cast<std::uint32_t>(~(O_CLOEXEC | O_LARGEFILE | 0100000));
constexpr std::uint32_t kReading =
    kOpening & ~static_cast<std::uint32_t>(O_DIRECTORY | O_NOFOLLOW | O_NONBLOCK);

void allow_files(SyscallFilter& filter) {
    for (const auto& [call, flags] : {std::pair{SCMP_SYS(open), 1U}, {SCMP_SYS(openat), 2U}}) {
        const auto only = [&filter, call = call, flags = flags](std::uint32_t mask,
                                                                int wanted) {
            filter.allow(call,
                         scmp_arg_cmp{.arg = flags,
                                      .op = SCMP_CMP_MASKED_EQ,
                                      .datum_a = mask,
                                      .datum_b = static_cast<std::uint32_t>(wanted)});
        };
        only(kReading, O_RDONLY);
        only(kOpening, O_WRONLY);                    // a sysctl
        only(kOpening, O_WRONLY | O_CREAT | O_EXCL); // a new note of sysctls
    }
}

void allow_sockets(SyscallFilter& filter, Tcp tcp) {
    for (const int protocol : {NETLINK_ROUTE, NETLINK_NETFILTER})
        filter.allow(SCMP_SYS(socket),
                     SCMP_A0(SCMP_CMP_EQ, AF_NETLINK),
                     SCMP_A2(SCMP_CMP_EQ, static_cast<scmp_datum_t>(protocol)));
    filter.allow(SCMP_SYS(setsockopt), SCMP_A1(SCMP_CMP_EQ, SOL_NETLINK));
    filter.allow(SCMP_SYS(socket), SCMP_A0(SCMP_CMP_EQ, AF_UNIX));
    for (const int request : {SIOCGIFNAME, SIOCGIFINDEX})
        filter.allow(SCMP_SYS(ioctl), SCMP_A1(SCMP_CMP_EQ, static_cast<scmp_datum_t>(request)));
    if (tcp == Tcp::No) return;
    for (const int family : {AF_INET, AF_INET6})
        filter.allow(
            SCMP_SYS(socket),
            SCMP_A0(SCMP_CMP_EQ, static_cast<scmp_datum_t>(family)),
            SCMP_A1(SCMP_CMP_EQ,
                    static_cast<scmp_datum_t>(SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC)));
}

} // namespace

void allow_machine(SyscallFilter& filter, Tcp tcp) {
    filter.allow_common();
    filter.allow(kMachine);
    allow_files(filter);
    allow_sockets(filter, tcp);
}

} // namespace nat64::platform
