// SPDX-License-Identifier: Apache-2.0
// Deadlines of numbered nodes in one ring of 2^17 ticks (3.6 hours at 100 ms a tick). Each ring
// slot holds a doubly linked list of nodes; a bitmap with a summary finds the next slot that
// has any, so idle time costs nothing. A node that is refreshed by packets is left where it is:
// when its slot comes, the caller looks at the real deadline and links the node anew.
// Deadlines beyond the ring are linked at its end and looked at then. The links are an array
// of their own, so packets do not touch them.
//
// Ticks are compared modulo 2^32. Single-threaded.
#pragma once

#include "core/clock.hpp"
#include "core/tables/lazy_array.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace nat64::tables {

/// Whether `a` is before `b`, for ticks less than 2^31 apart.
[[nodiscard]] constexpr bool before(Tick a, Tick b) noexcept {
    return static_cast<std::int32_t>(a.count() - b.count()) < 0;
}

[[nodiscard]] constexpr Tick after(Tick t, std::uint32_t ticks) noexcept {
    return Tick{t.count() + ticks};
}

class TimerRing {
public:
    static constexpr std::uint32_t kSlots = std::uint32_t{1} << 17;

    /// For nodes 0 .. nodes - 1, fewer than 2^31 of them.
    explicit TimerRing(std::size_t nodes);

    /// `node` must not be linked.
    void link(std::uint32_t node, Tick deadline) noexcept;

    /// Harmless if `node` is not linked.
    void unlink(std::uint32_t node) noexcept;

    [[nodiscard]] bool linked(std::uint32_t node) const noexcept {
        return links_[node].previous != 0;
    }

    /// Unlinks up to nodes.size() nodes whose slots have come by `now`. Each is to be linked
    /// again or forgotten. Returns how many; fewer than asked for means that none are left.
    std::size_t take_due(Tick now, std::span<std::uint32_t> nodes) noexcept;

    /// The tick of the next slot that has nodes; nullopt when there are none.
    [[nodiscard]] std::optional<Tick> next() const noexcept;

private:
    static constexpr std::uint32_t kFirst = std::uint32_t{1}
                                            << 31; ///< first in slot (low bits)
    static constexpr std::uint32_t kMask = kSlots - 1;

    // 0: none (next), not linked (previous); otherwise node + 1 or kFirst | slot.
    struct Link {
        std::uint32_t previous;
        std::uint32_t next;
    };

    [[nodiscard]] std::optional<std::uint32_t> distance_to_occupied() const noexcept;
    void unlink_first(std::uint32_t slot, std::uint32_t node) noexcept;

    LazyArray<Link> links_;
    LazyArray<std::uint32_t> heads_{kSlots};
    std::array<std::uint64_t, kSlots / 64> occupied_{};
    std::array<std::uint64_t, kSlots / 64 / 64> summary_{};
    Tick cursor_; ///< the first tick whose slot is not done
};

} // namespace nat64::tables
