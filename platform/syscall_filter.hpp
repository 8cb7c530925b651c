// SPDX-License-Identifier: Apache-2.0
// A list of the system calls that a process may go on making, for the kernel to check
// (seccomp): all others fail with EPERM. Calls are named (SCMP_SYS) and libseccomp knows their
// numbers, so one list serves every architecture: what one of them does not have is left out.
// A call by another architecture's numbers (x32 and 32-bit programs on x86_64) ends the
// process: nothing of ours makes one, and a number means something else there.
//
// platform only: the lists are in confinement.cpp and machine_confinement.cpp.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <type_traits>

#include <seccomp.h>

namespace nat64::platform {

class SyscallFilter {
public:
    /// For this machine, or for another `architecture` (SCMP_ARCH_…), to be looked at only.
    /// Throws OsError, as everything here does.
    explicit SyscallFilter(std::uint32_t architecture = SCMP_ARCH_NATIVE);

    /// With any arguments.
    void allow(std::span<const int> calls);

    /// If all `conditions` (SCMP_A0 …) hold.
    template <typename... Conditions>
    void allow(int call, Conditions... conditions) {
        must(seccomp_rule_add(
                 filter_.get(), SCMP_ACT_ALLOW, call, sizeof...(conditions), conditions...),
             "allow a system call");
    }

    /// With this error in place of EPERM.
    void refuse(int call, int error);

    /// What every process of ours does: with descriptors that it has, memory that is no code,
    /// signals to itself, clocks and random numbers.
    void allow_common();

    /// For this thread and those it starts from now on, for good. Needs no_new_privs.
    void load();

    /// As libseccomp prints it.
    [[nodiscard]] std::string text() const;

private:
    static void must(int result, const char* tried);

    std::unique_ptr<std::remove_pointer_t<scmp_filter_ctx>, decltype(&seccomp_release)> filter_;
};

} // namespace nat64::platform
