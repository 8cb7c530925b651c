// SPDX-License-Identifier: Apache-2.0
// The input format of the targets that send packets: a byte that chooses the world, then steps,
// each a pause, a packet, and what the device says about it. Every sequence of bytes is a
// script. Also how scripts are mutated: a packet whose bytes were changed at random is mended
// now and then, so that it gets past the first check, and steps are repeated, swapped and left
// out.
#pragma once

#include "core/clock.hpp"
#include "core/net/packet_buffer.hpp"
#include "tests/support/bytes.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

namespace nat64::fuzz {

struct Step {
    /// An Answer goes to whoever sent the last packet that left the translator, from where that
    /// one went to, whatever the step's own addresses are: so that a script can follow a
    /// mapping that it cannot know.
    enum class Aim : std::uint8_t { AsItIs, Answer };

    std::uint8_t pause = 0; ///< see pause_of()
    Aim aim = Aim::AsItIs;
    bool has_offload = false;
    Offload offload;
    test::Bytes packet;
};

struct Script {
    std::uint8_t world = 0;
    std::vector<Step> steps;
};

/// From nothing to hours.
[[nodiscard]] Clock::duration pause_of(std::uint8_t pause) noexcept;

[[nodiscard]] Script decode(test::View input);
[[nodiscard]] test::Bytes encode(const Script& script);

/// Changes some bytes in place and returns the new size, at most the span's (LLVMFuzzerMutate).
using MutateBytes = std::function<std::size_t(std::span<std::byte> room, std::size_t size)>;

[[nodiscard]] Script mutate(Script script, const MutateBytes& mutate_bytes, unsigned seed);

} // namespace nat64::fuzz
