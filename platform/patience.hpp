// SPDX-License-Identifier: Apache-2.0
// How long one object waits in all for what others have to finish first, in short pauses. A
// budget, not a time for each: a start may take some seconds more, but nobody who runs for
// years is held up again and again. Blocking.
#pragma once

#include <algorithm>
#include <chrono>
#include <thread>

namespace nat64::platform {

class Patience {
public:
    explicit constexpr Patience(std::chrono::milliseconds left) noexcept : left_{left} {}

    /// Pauses. False, and at once, when nothing is left.
    bool pause() {
        const auto pause = std::min(left_, kPause);
        if (pause <= std::chrono::milliseconds{}) return false;
        left_ -= pause;
        std::this_thread::sleep_for(pause);
        return true;
    }

private:
    static constexpr std::chrono::milliseconds kPause{20};

    std::chrono::milliseconds left_;
};

} // namespace nat64::platform
