// SPDX-License-Identifier: Apache-2.0
// What is left to the process that reads strangers' packets and requests once it has begun:
// the descriptors it holds, memory, time and threads. Every other system call fails with EPERM
// (seccomp), whoever makes it: no file is opened, removed or renamed, no socket made or
// connected, no program started, no other process signalled or traced. What it needs beyond
// that the privileged process does for it (ADR 0028).
//
// EPERM rather than an end by signal: a library that tries something new on some machine gets
// an error that is handled or logged; an intruder gets no more either way.
#pragma once

namespace nat64::platform {

/// For this thread and those it starts from now on, for good. Needs no_new_privs
/// (drop_privileges). Throws OsError. False where this build cannot be confined: the
/// sanitizers' own checks at the end open files and trace.
bool confine();

} // namespace nat64::platform
