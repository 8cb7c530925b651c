// SPDX-License-Identifier: Apache-2.0
// Each side owns one index and reads the other's; release and acquire hand the events over.
#include "service/event_ring.hpp"

#include <bit>
#include <cassert>

namespace nat64::service {

EventRing::EventRing(std::size_t capacity)
    : mask_{capacity - 1}, events_{std::make_unique<Event[]>(capacity)} {
    assert(std::has_single_bit(capacity));
}

void EventRing::on_event(const Event& event) noexcept {
    const auto written = written_.load(std::memory_order_relaxed);
    if (written - taken_.load(std::memory_order_acquire) > mask_) {
        lost_.store(lost_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
        return;
    }
    events_[written & mask_] = event;
    written_.store(written + 1, std::memory_order_release);
}

bool EventRing::take(Event& event) noexcept {
    const auto taken = taken_.load(std::memory_order_relaxed);
    if (taken == written_.load(std::memory_order_acquire)) return false;
    event = events_[taken & mask_];
    taken_.store(taken + 1, std::memory_order_release);
    return true;
}

} // namespace nat64::service
