// SPDX-License-Identifier: Apache-2.0
// A block begins and ends with a page that nobody may touch, which stays so.
#include "fuzz/kept_blocks.hpp"

#include <algorithm>
#include <array>
#include <cstdlib>

#include <sanitizer/asan_interface.h>

#include <sys/mman.h>

// NOLINTBEGIN(readability-identifier-naming): the linker's names for the wrapped functions
extern "C" void* __real_calloc(std::size_t count, std::size_t size);
extern "C" void __real_free(void* memory);
extern "C" void* __wrap_calloc(std::size_t count, std::size_t size);
extern "C" void __wrap_free(void* memory);

namespace {

constexpr std::size_t kPage = 4096;
constexpr std::size_t kLeast = std::size_t{64} << 10; ///< less is the sanitizer's as ever

struct Block {
    std::byte* start = nullptr;
    std::size_t size = 0; ///< as asked for
    bool used = false;

    [[nodiscard]] std::size_t pages() const { return (size + kPage - 1) / kPage * kPage; }

    void open() {
        mprotect(start, pages(), PROT_READ | PROT_WRITE);
        used = true;
    }

    /// Private memory that is not needed reads as zero when it is touched again.
    void close() {
        madvise(start, pages(), MADV_DONTNEED);
        mprotect(start, pages(), PROT_NONE);
        used = false;
    }
};

// Functions that the linker puts in the place of others have no object to belong to.
// NOLINTNEXTLINE(*-avoid-non-const-global-variables): see above
std::array<Block, 64> blocks;

bool reserve(Block& block, std::size_t size) {
    block.size = size;
    void* const all = mmap(nullptr,
                           block.pages() + 2 * kPage,
                           PROT_NONE,
                           MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
                           -1,
                           0);
    if (all == MAP_FAILED) return false;
    block.start = static_cast<std::byte*>(all) + kPage;
    ASAN_POISON_MEMORY_REGION(block.start + size, block.pages() - size);
    return true;
}

} // namespace

void* __wrap_calloc(std::size_t count, std::size_t size) {
    const auto wanted = count * size;
    if (wanted < kLeast || wanted / size != count) return __real_calloc(count, size);
    auto block = std::ranges::find_if(
        blocks, [&](const Block& b) { return !b.used && b.size == wanted; });
    if (block == blocks.end()) {
        block = std::ranges::find(blocks, nullptr, &Block::start);
        if (block == blocks.end() || !reserve(*block, wanted))
            return __real_calloc(count, size);
    }
    block->open();
    return block->start;
}

void __wrap_free(void* memory) {
    const auto block =
        std::ranges::find(blocks, static_cast<std::byte*>(memory), &Block::start);
    if (memory == nullptr || block == blocks.end())
        __real_free(memory);
    else if (block->used)
        block->close();
    else
        std::abort(); // freed twice
}

// NOLINTEND(readability-identifier-naming)

std::size_t nat64::fuzz::blocks_in_use() noexcept {
    return static_cast<std::size_t>(std::ranges::count(blocks, true, &Block::used));
}
