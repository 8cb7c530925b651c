// SPDX-License-Identifier: Apache-2.0
// Counts what is allocated while the program under test is at work: linking this replaces
// operator new. A packet or a timer must allocate nothing, so memory stays what the tables
// have reserved. What observes the program (sinks that it calls) pauses the count.
#pragma once

#include <cstdint>

namespace nat64::simulation {

/// While one of these lives, allocations of this thread count.
class Watch {
public:
    Watch() noexcept;
    ~Watch();
    Watch(const Watch&) = delete;
    Watch& operator=(const Watch&) = delete;
};

/// While one of these lives, they do not.
class Pause {
public:
    Pause() noexcept;
    ~Pause();
    Pause(const Pause&) = delete;
    Pause& operator=(const Pause&) = delete;

private:
    bool before_;
};

[[nodiscard]] std::uint64_t allocations() noexcept;

} // namespace nat64::simulation
