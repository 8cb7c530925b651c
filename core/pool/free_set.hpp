// SPDX-License-Identifier: Apache-2.0
// Which of the numbers 0 .. count - 1 are free, as a bitmap below summaries of itself, so that
// the next free number from any point on is found in as many steps as there are levels (four
// for sixteen million), however full the set is: a search that nobody outside can lengthen.
// Single-threaded.
#pragma once

#include "core/tables/lazy_array.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace nat64::pool {

class FreeSet {
public:
    /// Empty: no number is free.
    explicit FreeSet(std::size_t count);

    void insert(std::uint32_t number) noexcept;
    void erase(std::uint32_t number) noexcept;

    [[nodiscard]] bool contains(std::uint32_t number) const noexcept {
        return (levels_.front()[number / 64] >> number % 64 & 1) != 0;
    }

    /// The first free number from `from` on, starting over at 0; nullopt when none is free.
    [[nodiscard]] std::optional<std::uint32_t> next(std::uint32_t from) const noexcept;

private:
    using Level = tables::LazyArray<std::uint64_t>;

    [[nodiscard]] std::optional<std::uint32_t> at_or_after(std::size_t from) const noexcept;

    /// The numbers themselves first; a bit of each further level says whether a word of the one
    /// before has any.
    std::vector<Level> levels_;
};

} // namespace nat64::pool
