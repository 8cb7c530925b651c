// SPDX-License-Identifier: Apache-2.0
// The process of the packets. What its only calls on the packet path are allowed with is any
// arguments: that is what the kernel decides from a bitmap.
#include "platform/confinement.hpp"

#include "platform/syscall_filter.hpp"

#include <array>
#include <cerrno>

#include <linux/prctl.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/socket.h> // IWYU pragma: keep (MSG_FASTOPEN)

namespace nat64::platform {

namespace {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kSanitized = true;
#elif defined(__has_feature)
constexpr bool kSanitized = __has_feature(address_sanitizer) || __has_feature(thread_sanitizer);
#else
constexpr bool kSanitized = false;
#endif

constexpr std::array kPackets{
    // waiting
    SCMP_SYS(pread64),
    SCMP_SYS(epoll_create1),
    SCMP_SYS(epoll_ctl),
    SCMP_SYS(epoll_wait),
    SCMP_SYS(epoll_pwait),
    SCMP_SYS(epoll_pwait2),
    SCMP_SYS(eventfd2),
    SCMP_SYS(timerfd_create),
    SCMP_SYS(timerfd_settime),
    SCMP_SYS(timerfd_settime64),
    SCMP_SYS(timerfd_gettime),
    SCMP_SYS(timerfd_gettime64),
    // connections
    SCMP_SYS(accept4),
    SCMP_SYS(accept),
    // threads, and the end of the other process
    SCMP_SYS(set_robust_list),
    SCMP_SYS(rseq),
    SCMP_SYS(sched_getaffinity),
    SCMP_SYS(rt_sigtimedwait),
    SCMP_SYS(rt_sigtimedwait_time64),
    SCMP_SYS(wait4),
    SCMP_SYS(waitid),
};

} // namespace

void allow_packets(SyscallFilter& filter) {
    filter.allow_common();
    filter.allow(kPackets);
    // Threads, no processes. clone3's flags lie in memory, where a filter cannot read: the C
    // library falls back to clone when there is none.
    filter.allow(SCMP_SYS(clone), SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, CLONE_THREAD));
    filter.refuse(SCMP_SYS(clone3), ENOSYS);
    // To whom a socket is connected. An address would make one of any, by a datagram or by TCP
    // fast open; sendmsg() has its in memory, and descriptors beside it.
    filter.allow(SCMP_SYS(send), SCMP_A3(SCMP_CMP_MASKED_EQ, MSG_FASTOPEN, 0));
    filter.allow(SCMP_SYS(sendto),
                 SCMP_A3(SCMP_CMP_MASKED_EQ, MSG_FASTOPEN, 0),
                 SCMP_A4(SCMP_CMP_EQ, 0));
    // Names of threads.
    filter.allow(SCMP_SYS(prctl), SCMP_A0(SCMP_CMP_EQ, PR_SET_NAME));
}

bool confine() {
    if constexpr (kSanitized) return false;
    SyscallFilter filter;
    allow_packets(filter);
    filter.load();
    return true;
}

bool confine_machine(Tcp tcp) {
    if constexpr (kSanitized) return false;
    SyscallFilter filter;
    allow_machine(filter, tcp);
    filter.load();
    return true;
}

} // namespace nat64::platform
