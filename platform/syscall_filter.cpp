// SPDX-License-Identifier: Apache-2.0
// libseccomp. The kernel keeps a bitmap of calls that are always allowed, so read() and write()
// of the packet path pay next to nothing for the filter.
#include "platform/syscall_filter.hpp"

#include "platform/os_error.hpp"
#include "platform/unique_fd.hpp"

#include <array>
#include <cerrno>
#include <cstddef>

#include <fcntl.h>
#include <sys/ioctl.h> // IWYU pragma: keep (FIONBIO, TCGETS)
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

namespace nat64::platform {

namespace {

/// Those with other names on 32-bit machines are there with both.
constexpr std::array kCommon{
    // descriptors that are open
    SCMP_SYS(read),
    SCMP_SYS(readv),
    SCMP_SYS(getdents64),
    SCMP_SYS(write),
    SCMP_SYS(writev),
    SCMP_SYS(close),
    SCMP_SYS(lseek),
    SCMP_SYS(_llseek),
    SCMP_SYS(fstat),
    SCMP_SYS(fstat64),
    SCMP_SYS(fsync),
    SCMP_SYS(poll),
    SCMP_SYS(ppoll),
    SCMP_SYS(ppoll_time64),
    // sockets that are open
    SCMP_SYS(recv),
    SCMP_SYS(recvfrom),
    SCMP_SYS(recvmsg),
    SCMP_SYS(shutdown),
    SCMP_SYS(getsockname),
    SCMP_SYS(getpeername),
    SCMP_SYS(getsockopt),
    // memory
    SCMP_SYS(brk),
    SCMP_SYS(munmap),
    SCMP_SYS(mremap),
    SCMP_SYS(madvise),
    // threads, signals, the end
    SCMP_SYS(futex),
    SCMP_SYS(futex_time64),
    SCMP_SYS(sched_yield),
    SCMP_SYS(gettid),
    SCMP_SYS(getpid),
    SCMP_SYS(getuid),
    SCMP_SYS(getuid32),
    SCMP_SYS(geteuid),
    SCMP_SYS(geteuid32),
    SCMP_SYS(getgid),
    SCMP_SYS(getgid32),
    SCMP_SYS(getegid),
    SCMP_SYS(getegid32),
    SCMP_SYS(rt_sigaction),
    SCMP_SYS(rt_sigprocmask),
    SCMP_SYS(rt_sigreturn),
    SCMP_SYS(sigreturn),
    SCMP_SYS(sigaltstack),
    SCMP_SYS(restart_syscall),
    SCMP_SYS(exit),
    SCMP_SYS(exit_group),
    // time and chance
    SCMP_SYS(clock_gettime),
    SCMP_SYS(clock_gettime64),
    SCMP_SYS(clock_getres),
    SCMP_SYS(clock_getres_time64),
    SCMP_SYS(clock_nanosleep),
    SCMP_SYS(clock_nanosleep_time64),
    SCMP_SYS(nanosleep),
    SCMP_SYS(gettimeofday),
    SCMP_SYS(getrandom),
    SCMP_SYS(uname),
};

} // namespace

void SyscallFilter::must(int result, const char* tried) {
    if (result < 0) throw OsError{-result, tried, "does this kernel have seccomp filters?"};
}

SyscallFilter::SyscallFilter(std::uint32_t architecture)
    : filter_{seccomp_init(SCMP_ACT_ERRNO(EPERM)), &seccomp_release} {
    if (!filter_) throw OsError{ENOMEM, "make a filter of system calls"};
    // Where a filter from outside (a service manager's) takes seccomp(2) away, prctl(2) is
    // left, and libseccomp finds that it cannot ask for this: its default ends the thread.
    (void)seccomp_attr_set(filter_.get(), SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
    if (architecture == SCMP_ARCH_NATIVE || architecture == seccomp_arch_native()) return;
    must(seccomp_arch_remove(filter_.get(), SCMP_ARCH_NATIVE), "leave an architecture out");
    must(seccomp_arch_add(filter_.get(), architecture), "make a filter of another one");
}

void SyscallFilter::allow(std::span<const int> calls) {
    for (const int call : calls)
        allow(call);
}

void SyscallFilter::refuse(int call, int error) {
    must(seccomp_rule_add(
             filter_.get(), SCMP_ACT_ERRNO(static_cast<std::uint32_t>(error)), call, 0),
         "refuse a system call");
}

void SyscallFilter::allow_common() {
    allow(kCommon);
    // Memory that is code comes from files at the start only.
    for (const int call : {SCMP_SYS(mmap), SCMP_SYS(mmap2), SCMP_SYS(mprotect)})
        allow(call, SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
    // abort() ends this process by a signal to itself.
    allow(SCMP_SYS(tgkill), SCMP_A0(SCMP_CMP_EQ, static_cast<scmp_datum_t>(::getpid())));
    // What Asio and the C library ask of descriptors.
    for (const int call : {SCMP_SYS(fcntl), SCMP_SYS(fcntl64)})
        for (const int request : {F_GETFL, F_SETFL, F_GETFD, F_SETFD})
            allow(call, SCMP_A1(SCMP_CMP_EQ, static_cast<scmp_datum_t>(request)));
    for (const unsigned long request : {static_cast<unsigned long>(FIONBIO),
                                        static_cast<unsigned long>(FIONREAD),
                                        static_cast<unsigned long>(TCGETS)})
        allow(SCMP_SYS(ioctl), SCMP_A1(SCMP_CMP_EQ, request));
}

void SyscallFilter::load() {
    must(seccomp_attr_set(filter_.get(), SCMP_FLTATR_CTL_OPTIMIZE, 2), "order the filter");
    must(seccomp_load(filter_.get()), "confine the process");
}

std::string SyscallFilter::text() const {
    const UniqueFd file{adopt, ::memfd_create("filter", MFD_CLOEXEC)};
    if (!file) throw_errno("make a file in memory");
    must(seccomp_export_pfc(filter_.get(), file.get()), "print a filter");
    struct ::stat made{};
    if (::fstat(file.get(), &made) != 0) throw_errno("look at a file in memory");
    std::string text(static_cast<std::size_t>(made.st_size), '\0');
    if (::pread(file.get(), text.data(), text.size(), 0) != made.st_size)
        throw_errno("read a file in memory");
    return text;
}

} // namespace nat64::platform
