// SPDX-License-Identifier: Apache-2.0
// The forms of operator new that are not here end in those that are, or are of the sanitizer
// together with their operator delete.
#include "tests/simulation/allocations.hpp"

#include <cstddef>
#include <cstdlib>
#include <new>

namespace nat64::simulation {

namespace {

// operator new has no other way to know.
thread_local bool watching = false;
thread_local std::uint64_t counted = 0;

} // namespace

Watch::Watch() noexcept {
    watching = true;
}

Watch::~Watch() {
    watching = false;
}

Pause::Pause() noexcept : before_{watching} {
    watching = false;
}

Pause::~Pause() {
    watching = before_;
}

std::uint64_t allocations() noexcept {
    return counted;
}

} // namespace nat64::simulation

void* operator new(std::size_t size) {
    using namespace nat64::simulation;
    if (watching) ++counted;
    if (void* memory = std::malloc(size == 0 ? 1 : size)) return memory;
    throw std::bad_alloc{};
}

void* operator new(std::size_t size, const std::nothrow_t& /*tag*/) noexcept {
    using namespace nat64::simulation;
    if (watching) ++counted;
    return std::malloc(size == 0 ? 1 : size);
}

void operator delete(void* memory) noexcept {
    std::free(memory);
}

void operator delete(void* memory, std::size_t) noexcept {
    std::free(memory);
}
