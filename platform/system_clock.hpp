// SPDX-License-Identifier: Apache-2.0
// The two things core must be given from outside: time and secrets. Only the packet loop and
// the daemon's start call these; everything else takes `now` and `Rng&` as arguments. Both
// thread-safe.
#pragma once

#include "core/clock.hpp"
#include "core/random.hpp"

namespace nat64::platform {

/// CLOCK_BOOTTIME: it never jumps, and it runs on while the machine is suspended, as the
/// sessions' other ends do. Read through the vDSO, without a system call.
[[nodiscard]] Clock::time_point now() noexcept;

/// 128 bits from the kernel's generator. Throws std::system_error.
[[nodiscard]] Secret random_secret();

} // namespace nat64::platform
