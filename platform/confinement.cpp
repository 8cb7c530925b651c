// SPDX-License-Identifier: Apache-2.0
// libseccomp. The kernel keeps a bitmap of calls that are always allowed, so read() and write()
// of the packet path pay next to nothing for the filter.
#include "platform/confinement.hpp"

#include "platform/os_error.hpp"

#include <array>
#include <cerrno>
#include <memory>
#include <type_traits>

#include <fcntl.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

namespace nat64::platform {

namespace {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kSanitized = true;
#elif defined(__has_feature)
constexpr bool kSanitized = __has_feature(address_sanitizer) || __has_feature(thread_sanitizer);
#else
constexpr bool kSanitized = false;
#endif

/// With any arguments.
constexpr std::array kAllowed{
    // descriptors that are open
    SCMP_SYS(read),
    SCMP_SYS(readv),
    SCMP_SYS(pread64),
    SCMP_SYS(getdents64),
    SCMP_SYS(write),
    SCMP_SYS(writev),
    SCMP_SYS(close),
    SCMP_SYS(lseek),
    SCMP_SYS(fstat),
    SCMP_SYS(fsync),
    SCMP_SYS(poll),
    SCMP_SYS(ppoll),
    SCMP_SYS(epoll_create1),
    SCMP_SYS(epoll_ctl),
    SCMP_SYS(epoll_wait),
    SCMP_SYS(epoll_pwait),
    SCMP_SYS(epoll_pwait2),
    SCMP_SYS(eventfd2),
    SCMP_SYS(timerfd_create),
    SCMP_SYS(timerfd_settime),
    SCMP_SYS(timerfd_gettime),
    // connections
    SCMP_SYS(accept4),
    SCMP_SYS(accept),
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
    SCMP_SYS(set_robust_list),
    SCMP_SYS(rseq),
    SCMP_SYS(sched_yield),
    SCMP_SYS(sched_getaffinity),
    SCMP_SYS(gettid),
    SCMP_SYS(getpid),
    SCMP_SYS(getuid),
    SCMP_SYS(geteuid),
    SCMP_SYS(getgid),
    SCMP_SYS(getegid),
    SCMP_SYS(rt_sigaction),
    SCMP_SYS(rt_sigprocmask),
    SCMP_SYS(rt_sigreturn),
    SCMP_SYS(rt_sigtimedwait),
    SCMP_SYS(sigaltstack),
    SCMP_SYS(restart_syscall),
    SCMP_SYS(wait4),
    SCMP_SYS(waitid),
    SCMP_SYS(exit),
    SCMP_SYS(exit_group),
    // time and chance
    SCMP_SYS(clock_gettime),
    SCMP_SYS(clock_getres),
    SCMP_SYS(clock_nanosleep),
    SCMP_SYS(nanosleep),
    SCMP_SYS(gettimeofday),
    SCMP_SYS(getrandom),
    SCMP_SYS(uname),
};

void must(int result, const char* tried) {
    if (result < 0) throw OsError{-result, tried, "does this kernel have seccomp filters?"};
}

using Filter =
    std::unique_ptr<std::remove_pointer_t<scmp_filter_ctx>, decltype(&seccomp_release)>;

template <typename... Conditions>
void allow(const Filter& filter, int call, Conditions... conditions) {
    must(seccomp_rule_add(
             filter.get(), SCMP_ACT_ALLOW, call, sizeof...(conditions), conditions...),
         "allow a system call");
}

void add_rules(const Filter& filter) {
    for (const int call : kAllowed)
        allow(filter, call);
    // Memory that is code comes from files at the start only.
    allow(filter, SCMP_SYS(mmap), SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
    allow(filter, SCMP_SYS(mprotect), SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
    // Threads, no processes. clone3's flags lie in memory, where a filter cannot read: the C
    // library falls back to clone when there is none.
    allow(filter, SCMP_SYS(clone), SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, CLONE_THREAD));
    must(seccomp_rule_add(filter.get(), SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0),
         "refuse clone3");
    // To whom a socket is connected. An address would make one of any, by a datagram or by TCP
    // fast open; sendmsg() has its in memory, and descriptors beside it.
    allow(filter,
          SCMP_SYS(sendto),
          SCMP_A3(SCMP_CMP_MASKED_EQ, MSG_FASTOPEN, 0),
          SCMP_A4(SCMP_CMP_EQ, 0));
    // abort() ends this process by a signal to itself.
    allow(
        filter, SCMP_SYS(tgkill), SCMP_A0(SCMP_CMP_EQ, static_cast<scmp_datum_t>(::getpid())));
    // Names of threads.
    allow(filter, SCMP_SYS(prctl), SCMP_A0(SCMP_CMP_EQ, PR_SET_NAME));
    // What Asio and the C library ask of descriptors.
    for (const int request : {F_GETFL, F_SETFL, F_GETFD, F_SETFD})
        allow(
            filter, SCMP_SYS(fcntl), SCMP_A1(SCMP_CMP_EQ, static_cast<scmp_datum_t>(request)));
    for (const unsigned long request : {static_cast<unsigned long>(FIONBIO),
                                        static_cast<unsigned long>(FIONREAD),
                                        static_cast<unsigned long>(TCGETS)})
        allow(filter, SCMP_SYS(ioctl), SCMP_A1(SCMP_CMP_EQ, request));
}

} // namespace

bool confine() {
    if constexpr (kSanitized) return false;
    const Filter filter{seccomp_init(SCMP_ACT_ERRNO(EPERM)), &seccomp_release};
    if (!filter) throw OsError{ENOMEM, "make a filter of system calls"};
    add_rules(filter);
    must(seccomp_attr_set(filter.get(), SCMP_FLTATR_CTL_OPTIMIZE, 2), "order the filter");
    must(seccomp_load(filter.get()), "confine the process to its descriptors");
    return true;
}

} // namespace nat64::platform
