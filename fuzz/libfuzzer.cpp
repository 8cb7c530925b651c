// SPDX-License-Identifier: Apache-2.0
// One target (NAT64_FUZZ_TARGET) as libFuzzer wants it. NAT64_FUZZ_SCRIPT: its input is a
// script of packets, which has a mutator of its own.
#include "fuzz/kept_blocks.hpp"
#include "fuzz/script.hpp"
#include "fuzz/targets.hpp"
#include "tests/oracle/expect.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>

// The names are libFuzzer's.
// NOLINTBEGIN(*-identifier-naming, *-reinterpret-cast): what libFuzzer calls and gives
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);
extern "C" std::size_t
LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t max_size);
extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data,
                                               std::size_t size,
                                               std::size_t max_size,
                                               unsigned int seed);

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto before = nat64::fuzz::blocks_in_use();
    nat64::fuzz::NAT64_FUZZ_TARGET(std::as_bytes(std::span{data, size}));
    nat64::oracle::expect(nat64::fuzz::blocks_in_use() == before, "a table is forgotten");
    return 0;
}

#ifdef NAT64_FUZZ_SCRIPT
std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data,
                                    std::size_t size,
                                    std::size_t max_size,
                                    unsigned int seed) {
    if (seed % 16 == 0) return LLVMFuzzerMutate(data, size, max_size);
    const auto mutate_bytes = [](std::span<std::byte> room, std::size_t used) {
        return LLVMFuzzerMutate(
            reinterpret_cast<std::uint8_t*>(room.data()), used, room.size());
    };
    const auto script = nat64::fuzz::mutate(
        nat64::fuzz::decode(std::as_bytes(std::span{data, size})), mutate_bytes, seed);
    const auto bytes = nat64::fuzz::encode(script);
    const auto length = std::min(bytes.size(), max_size);
    std::ranges::copy(std::span{bytes}.first(length),
                      std::as_writable_bytes(std::span{data, max_size}).begin());
    return length;
}
#endif
// NOLINTEND(*-identifier-naming, *-reinterpret-cast)
