// SPDX-License-Identifier: Apache-2.0
// What is left to the two processes of the daemon once they have begun (ADR 0028). Every other
// system call fails with EPERM (syscall_filter.hpp), whoever makes it.
//
// confine(): the process that reads strangers' packets and requests. The descriptors it holds,
// memory, time and threads: no file is opened, removed or renamed, no socket made or connected,
// no program started, no other process signalled or traced. What it needs beyond that the
// privileged process does for it.
//
// confine_machine(): that one. Files, netlink and Unix sockets as well, since it keeps the
// machine's; but neither threads nor programs, and of CAP_NET_ADMIN what netlink offers: no
// BPF, no packet sockets, no namespaces, no settings by ioctl.
//
// EPERM rather than an end by signal: a library that tries something new on some machine gets
// an error that is handled or logged; an intruder gets no more either way.
#pragma once

#include <cstdint>

namespace nat64::platform {

class SyscallFilter;

/// For this thread and those it starts from now on, for good. Needs no_new_privs
/// (drop_privileges). Throws OsError. False where this build cannot be confined: the
/// sanitizers' own checks at the end open files and trace.
bool confine();

/// Whether the privileged process connects by TCP (to the node of profile mycelium).
enum class Tcp : std::uint8_t { No, Yes };

/// As confine(), for the privileged process. Which files: of those it may write in, any but a
/// new one (O_EXCL) or an existing one as it is (a sysctl), never truncated.
bool confine_machine(Tcp tcp);

/// The lists by themselves.
void allow_packets(SyscallFilter& filter);
void allow_machine(SyscallFilter& filter, Tcp tcp);

} // namespace nat64::platform
