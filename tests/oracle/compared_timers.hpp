// SPDX-License-Identifier: Apache-2.0
// The timer ring beside a std::map of deadlines: nodes are linked and unlinked, time passes in
// steps and in jumps over more than the ring, and what comes out must be what is due.
#pragma once

#include "core/tables/timer_ring.hpp"
#include "tests/oracle/expect.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <set>

namespace nat64::oracle {

class ComparedTimers {
public:
    template <typename Source>
    void step(Source& source) {
        toggle(source);
        if (source.one_in(3)) return;
        const auto jump = source.one_in(200) ? 3 * std::size_t{tables::TimerRing::kSlots} : 39;
        now_ += static_cast<std::uint32_t>(source.between(0, jump));
        expire();
        const auto next = ring_->next();
        expect(next.has_value() == !deadlines_.empty(), "whether there is a next timer");
        if (next)
            expect(std::ranges::all_of(
                       deadlines_,
                       [&](const auto& entry) { return entry.second >= next->count(); }),
                   "the next timer is after one that is due before");
    }

private:
    static constexpr std::uint32_t kNodes = 200;

    template <typename Source>
    void toggle(Source& source) {
        const auto node = static_cast<std::uint32_t>(source.between(0, kNodes - 1));
        expect(ring_->linked(node) == deadlines_.contains(node), "whether a node is linked");
        if (deadlines_.erase(node) > 0) {
            ring_->unlink(node);
            return;
        }
        const auto far = source.one_in(20) ? 4 * std::size_t{tables::TimerRing::kSlots} : 3000;
        deadlines_[node] = now_ + 1 + static_cast<std::uint32_t>(source.between(0, far - 1));
        ring_->link(node, Tick{deadlines_[node]});
    }

    void expire() {
        std::set<std::uint32_t> due;
        std::erase_if(deadlines_, [&](const auto& entry) {
            if (entry.second > now_) return false;
            due.insert(entry.first);
            return true;
        });
        // The caller's part: a node whose time has not come is linked again.
        std::set<std::uint32_t> taken;
        for (const auto node : take_all()) {
            if (deadlines_.contains(node))
                ring_->link(node, Tick{deadlines_[node]});
            else
                taken.insert(node);
        }
        expect(taken == due, "timers that fire are those that are due");
    }

    std::set<std::uint32_t> take_all() {
        std::set<std::uint32_t> all;
        std::array<std::uint32_t, 3> some{};
        for (;;) {
            const auto count = ring_->take_due(Tick{now_}, some);
            all.insert(some.begin(), some.begin() + static_cast<std::ptrdiff_t>(count));
            if (count < some.size()) return all;
        }
    }

    std::unique_ptr<tables::TimerRing> ring_ = std::make_unique<tables::TimerRing>(kNodes);
    std::map<std::uint32_t, std::uint32_t> deadlines_;
    std::uint32_t now_ = 1000;
};

} // namespace nat64::oracle
