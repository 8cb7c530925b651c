// SPDX-License-Identifier: Apache-2.0
#include "service/session_pages.hpp"

#include "core/random.hpp"

#include <algorithm>
#include <array>
#include <span>
#include <utility>

namespace nat64::service {

namespace {

std::uint64_t word(const Endpoint4& endpoint) noexcept {
    return std::uint64_t{endpoint.address.bits()} << 16 | endpoint.port.value();
}

} // namespace

Cursor place_of(const SessionRow& row) noexcept {
    const std::array<std::uint64_t, 5> words{row.client6.address.high(),
                                             row.client6.address.low(),
                                             std::uint64_t{row.client6.port.value()} << 8 |
                                                 static_cast<std::uint64_t>(row.protocol),
                                             word(row.mapped4),
                                             word(row.server4)};
    return siphash24({}, std::as_bytes(std::span{words}));
}

void SessionPage::offer(const SessionRow& row) {
    const auto place = place_of(row);
    if (place < from_) return;
    if (entries_.size() == room_) {
        complete_ = false;
        if (room_ == 0 || place >= entries_.front().place) return;
        std::ranges::pop_heap(entries_, {}, &Entry::place);
        entries_.pop_back();
    }
    entries_.push_back({place, row});
    std::ranges::push_heap(entries_, {}, &Entry::place);
}

SessionPage::Result SessionPage::take() {
    std::ranges::sort_heap(entries_, {}, &Entry::place);
    Result result;
    for (const auto& entry : entries_)
        result.rows.push_back(entry.row);
    const bool more = !complete_ && !entries_.empty() && entries_.back().place != ~Cursor{0};
    if (more) result.next = entries_.back().place + 1;
    entries_.clear();
    return result;
}

} // namespace nat64::service
