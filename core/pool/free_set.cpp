// SPDX-License-Identifier: Apache-2.0
#include "core/pool/free_set.hpp"

#include <bit>

namespace nat64::pool {

FreeSet::FreeSet(std::size_t count) {
    do {
        count = (count + 63) / 64;
        levels_.emplace_back(count);
    } while (count > 1);
}

void FreeSet::insert(std::uint32_t number) noexcept {
    std::size_t at = number;
    for (auto& level : levels_) {
        auto& word = level[at / 64];
        const bool was_empty = word == 0;
        word |= std::uint64_t{1} << at % 64;
        if (!was_empty) return;
        at /= 64;
    }
}

void FreeSet::erase(std::uint32_t number) noexcept {
    std::size_t at = number;
    for (auto& level : levels_) {
        auto& word = level[at / 64];
        word &= ~(std::uint64_t{1} << at % 64);
        if (word != 0) return;
        at /= 64;
    }
}

std::optional<std::uint32_t> FreeSet::next(std::uint32_t from) const noexcept {
    const auto found = at_or_after(from);
    return found ? found : at_or_after(0);
}

// Up until a word has something behind `at`, and down again along first bits.
std::optional<std::uint32_t> FreeSet::at_or_after(std::size_t from) const noexcept {
    auto at = from;
    for (std::size_t level = 0; level < levels_.size(); ++level) {
        const auto word = at / 64;
        if (word >= levels_[level].size()) return std::nullopt;
        const auto bits = levels_[level][word] >> at % 64 << at % 64;
        if (bits == 0) {
            at = word + 1;
            continue;
        }
        at = word * 64 + static_cast<std::size_t>(std::countr_zero(bits));
        while (level-- > 0)
            at = at * 64 + static_cast<std::size_t>(std::countr_zero(levels_[level][at]));
        return static_cast<std::uint32_t>(at);
    }
    return std::nullopt;
}

} // namespace nat64::pool
