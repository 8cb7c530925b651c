// SPDX-License-Identifier: Apache-2.0
// One line on a terminal that says how far a long run is: nothing for the first two seconds,
// nothing at all if nobody is watching. Reads the machine's clock, which no result depends on.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

namespace nat64::cli {

class Progress {
public:
    /// Writes to standard error if that is a terminal.
    Progress();
    Progress(const Progress&) = delete;
    Progress& operator=(const Progress&) = delete;
    /// Wipes the line.
    ~Progress();

    /// Is it time to write? Cheap enough to be asked for every packet.
    [[nodiscard]] bool due();

    void write(std::uint64_t packets, std::optional<double> fraction);

private:
    using WallClock = std::chrono::steady_clock;

    bool watched_;
    bool written_ = false;
    std::uint64_t calls_ = 0;
    WallClock::time_point next_;
};

} // namespace nat64::cli
