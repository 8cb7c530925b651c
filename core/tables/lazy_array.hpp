// SPDX-License-Identifier: Apache-2.0
// An array of a fixed size whose memory is reserved at once and paid for when it is first
// touched: large zeroed allocations come from the kernel as demand-zero pages, so a table for
// ten million sessions costs nothing while a thousand live. All bytes start as zero, and zero
// is therefore the empty state of everything that is kept in one. ChunkedArray is the same in
// pieces, for sizes that the kernel would refuse as one request. Nothing here is thread-safe.
#pragma once

#include <cassert>
#include <cstddef>
#include <cstdlib>
#include <memory>
#include <new>
#include <type_traits>
#include <vector>

namespace nat64::tables {

template <typename T>
class LazyArray {
    static_assert(std::is_trivially_copyable_v<T> && std::is_trivially_destructible_v<T>,
                  "elements live in zeroed memory and are never constructed or destroyed");

public:
    LazyArray() = default;

    /// `count` zeroed elements. Throws std::bad_alloc.
    explicit LazyArray(std::size_t count) : size_{count} {
        const auto bytes = count * sizeof(T);
        const auto alignment = bytes < kHugePage ? kCacheLine : kHugePage;
        auto space = bytes + alignment;
        owner_.reset(std::calloc(space, 1));
        void* start = owner_.get();
        if (start == nullptr || !std::align(alignment, bytes, start, space))
            throw std::bad_alloc{};
        data_ = static_cast<T*>(start);
    }

    [[nodiscard]] std::size_t size() const noexcept { return size_; }

    [[nodiscard]] T& operator[](std::size_t i) noexcept {
        assert(i < size_);
        return data_[i];
    }

    [[nodiscard]] const T& operator[](std::size_t i) const noexcept {
        assert(i < size_);
        return data_[i];
    }

private:
    // A huge page's alignment lets the kernel back big arrays with huge pages where it may.
    static constexpr std::size_t kHugePage = std::size_t{2} << 20;
    static constexpr std::size_t kCacheLine = 64;

    struct Free {
        void operator()(void* p) const noexcept { std::free(p); }
    };

    std::unique_ptr<void, Free> owner_;
    T* data_ = nullptr;
    std::size_t size_ = 0;
};

/// A LazyArray of `rows` rows of `kRow` elements in allocations of at most 64 rows each.
template <typename T, std::size_t kRow>
class ChunkedArray {
public:
    ChunkedArray() = default;

    explicit ChunkedArray(std::size_t rows) {
        for (std::size_t first = 0; first < rows; first += kRows)
            chunks_.emplace_back((rows - first < kRows ? rows - first : kRows) * kRow);
    }

    [[nodiscard]] T& at(std::size_t row, std::size_t i) noexcept {
        return chunks_[row / kRows][row % kRows * kRow + i];
    }

    [[nodiscard]] const T& at(std::size_t row, std::size_t i) const noexcept {
        return chunks_[row / kRows][row % kRows * kRow + i];
    }

private:
    static constexpr std::size_t kRows = 64;
    std::vector<LazyArray<T>> chunks_;
};

} // namespace nat64::tables
