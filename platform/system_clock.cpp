// SPDX-License-Identifier: Apache-2.0
// clock_gettime(2) and getrandom(2).
#include "platform/system_clock.hpp"

#include "core/clock.hpp"
#include "core/random.hpp"
#include "platform/os_error.hpp"

#include <cerrno>
#include <chrono>
#include <ctime>

#include <sys/random.h>

namespace nat64::platform {

Clock::time_point now() noexcept {
    timespec time{};
    // NOLINTNEXTLINE(misc-include-cleaner): <ctime> has it on POSIX
    ::clock_gettime(CLOCK_BOOTTIME, &time);
    return Clock::time_point{std::chrono::seconds{time.tv_sec} +
                             std::chrono::nanoseconds{time.tv_nsec}};
}

Secret random_secret() {
    Secret secret{};
    // Up to 256 bytes come whole or not at all (getrandom(2)).
    while (::getrandom(secret.data(), sizeof secret, 0) < 0) {
        if (errno != EINTR) throw_errno("getrandom");
    }
    return secret;
}

} // namespace nat64::platform
