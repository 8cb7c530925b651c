// SPDX-License-Identifier: Apache-2.0
// Reads a fuzzer's bytes as choices, with the same words as test::Random, so that what is
// compared with an oracle does not know which of the two it is driven by. At the end of the
// input every choice is the first one.
#pragma once

#include "tests/support/bytes.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace nat64::fuzz {

class Input {
public:
    explicit Input(test::View bytes) : left_{bytes} {}

    [[nodiscard]] bool empty() const { return left_.empty(); }

    std::uint8_t byte() {
        if (left_.empty()) return 0;
        const auto value = test::get8(left_, 0);
        left_ = left_.subspan(1);
        return value;
    }

    std::uint16_t word() {
        const unsigned high = byte();
        return static_cast<std::uint16_t>(high << 8 | byte());
    }

    /// Both ends included. Takes as many bytes as the range needs.
    std::size_t between(std::size_t low, std::size_t high) {
        std::size_t value = 0;
        for (auto range = high - low; range > 0; range >>= 8)
            value = value << 8 | byte();
        return low + value % (high - low + 1);
    }

    /// The rare case is the one with all bits set, not the one at the end of the input.
    bool one_in(std::size_t n) { return between(1, n) == n; }

    test::View bytes(std::size_t size) {
        const auto taken = left_.first(std::min(size, left_.size()));
        left_ = left_.subspan(taken.size());
        return taken;
    }

    test::View rest() { return bytes(left_.size()); }

private:
    test::View left_;
};

} // namespace nat64::fuzz
