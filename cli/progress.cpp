// SPDX-License-Identifier: Apache-2.0
// The line is rewritten in place twice a second; the clock is read every 256 calls.
#include "cli/progress.hpp"

#include <cstdio>
#include <string>

#include <fmt/format.h>

#include <unistd.h>

namespace nat64::cli {

using namespace std::chrono_literals;

Progress::Progress() : watched_{::isatty(STDERR_FILENO) == 1}, next_{WallClock::now() + 2s} {}

Progress::~Progress() {
    if (written_) std::fputs("\r\033[K", stderr);
}

bool Progress::due() {
    if (!watched_ || ++calls_ % 256 != 0) return false;
    const auto now = WallClock::now();
    if (now < next_) return false;
    next_ = now + std::chrono::milliseconds{500};
    return true;
}

void Progress::write(std::uint64_t packets, std::optional<double> fraction) {
    written_ = true;
    const auto part = fraction ? fmt::format(", {:.0f} %", *fraction * 100) : std::string{};
    const auto line = fmt::format("\rnat64: {} packets{}\033[K", packets, part);
    std::fputs(line.c_str(), stderr);
}

} // namespace nat64::cli
