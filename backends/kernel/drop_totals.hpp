// SPDX-License-Identifier: Apache-2.0
// What the rules of one nftables table have refused since it was first added. The kernel's
// counters live as long as their table and begin anew with it, or when somebody resets them;
// what is said to operators and monitors only grows. A reset shows by a count that is lower
// than at the last look: one that has overtaken that again hides it. Pure.
#pragma once

#include "core/verdict.hpp"

#include <array>
#include <cstddef>
#include <cstdint>

namespace nat64::kernel {

class DropTotals {
public:
    /// The kernel's counter of this reason, now. One that is not seen is as it was.
    void saw(DropReason reason, std::uint64_t packets) noexcept {
        const auto i = static_cast<std::size_t>(reason);
        if (packets < last_[i]) before_[i] += last_[i];
        last_[i] = packets;
    }

    /// All of the kernel's counters are new.
    void begin_anew() noexcept {
        before_ = sum();
        last_ = {};
    }

    [[nodiscard]] DropSum sum() const noexcept {
        DropSum sum = before_;
        for (std::size_t i = 0; i < sum.size(); ++i)
            sum[i] += last_[i];
        return sum;
    }

private:
    DropSum before_{}; ///< by counters that are no more
    DropSum last_{};
};

} // namespace nat64::kernel
