// SPDX-License-Identifier: Apache-2.0
#include "core/tables/timer_ring.hpp"

#include <algorithm>
#include <bit>
#include <cassert>

namespace nat64::tables {

TimerRing::TimerRing(std::size_t nodes) : links_{nodes} {
    assert(nodes < kFirst);
}

void TimerRing::link(std::uint32_t node, Tick deadline) noexcept {
    assert(!linked(node));
    auto distance = deadline.count() - cursor_.count();
    if (before(deadline, cursor_)) distance = 0;
    const auto slot = after(cursor_, std::min(distance, kMask)).count() & kMask;
    const auto first = heads_[slot];
    links_[node] = {kFirst | slot, first};
    heads_[slot] = node + 1;
    if (first != 0) {
        links_[first - 1].previous = node + 1;
        return;
    }
    occupied_[slot / 64] |= std::uint64_t{1} << slot % 64;
    summary_[slot / 4096] |= std::uint64_t{1} << slot / 64 % 64;
}

void TimerRing::unlink(std::uint32_t node) noexcept {
    auto& link = links_[node];
    if (link.previous == 0) return;
    if ((link.previous & kFirst) != 0) {
        unlink_first(link.previous & kMask, node);
        return;
    }
    links_[link.previous - 1].next = link.next;
    if (link.next != 0) links_[link.next - 1].previous = link.previous;
    link = {};
}

void TimerRing::unlink_first(std::uint32_t slot, std::uint32_t node) noexcept {
    const auto next = links_[node].next;
    links_[node] = {};
    heads_[slot] = next;
    if (next != 0) {
        links_[next - 1].previous = kFirst | slot;
        return;
    }
    auto& word = occupied_[slot / 64];
    word &= ~(std::uint64_t{1} << slot % 64);
    if (word == 0) summary_[slot / 4096] &= ~(std::uint64_t{1} << slot / 64 % 64);
}

// How many slots behind the cursor's the next one with nodes is. At most 34 words are read.
std::optional<std::uint32_t> TimerRing::distance_to_occupied() const noexcept {
    const auto start = cursor_.count() & kMask;
    const auto distance = [start](std::size_t word, std::uint64_t bits) {
        const auto slot = static_cast<std::uint32_t>(word) * 64 +
                          static_cast<std::uint32_t>(std::countr_zero(bits));
        return (slot - start) & kMask;
    };
    const std::size_t first = start / 64;
    if (const auto bits = occupied_[first] >> start % 64 << start % 64; bits != 0)
        return distance(first, bits);
    // The words behind the first one, round to the first one itself.
    for (std::size_t i = 0; i <= summary_.size(); ++i) {
        const auto at = (first / 64 + i) % summary_.size();
        auto words = summary_[at];
        if (i == 0) words &= first % 64 == 63 ? 0 : ~std::uint64_t{0} << (first % 64 + 1);
        if (words == 0) continue;
        const auto word = at * 64 + static_cast<std::size_t>(std::countr_zero(words));
        return distance(word, occupied_[word]);
    }
    return std::nullopt;
}

std::size_t TimerRing::take_due(Tick now, std::span<std::uint32_t> nodes) noexcept {
    // After a jump of more than a round every slot has come once, which is all that matters.
    // On a machine that was up for 2^31 ticks before the first call, now looks like long ago.
    const bool long_ago = before(after(now, kSlots), cursor_);
    if (long_ago || before(after(cursor_, kMask), now)) cursor_ = Tick{now.count() - kMask};
    std::size_t taken = 0;
    while (taken < nodes.size() && !before(now, cursor_)) {
        const auto distance = distance_to_occupied();
        if (!distance || before(now, after(cursor_, *distance))) {
            cursor_ = after(now, 1);
            break;
        }
        cursor_ = after(cursor_, *distance);
        const auto slot = cursor_.count() & kMask;
        for (; taken < nodes.size() && heads_[slot] != 0; ++taken) {
            nodes[taken] = heads_[slot] - 1;
            unlink_first(slot, nodes[taken]);
        }
    }
    return taken;
}

std::optional<Tick> TimerRing::next() const noexcept {
    const auto distance = distance_to_occupied();
    if (!distance) return std::nullopt;
    return after(cursor_, *distance);
}

} // namespace nat64::tables
