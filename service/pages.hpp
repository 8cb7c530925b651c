// SPDX-License-Identifier: Apache-2.0
// Pages of a listing whose source has neither order nor place to go on from: each row has a
// place, a number made of what is in it, and a page is those rows that come next, found by one
// pass over all. Needs memory for one page and no more. Pure.
#pragma once

#include "core/napt_backend.hpp"

#include <algorithm>
#include <cstddef>
#include <optional>
#include <vector>

namespace nat64::service {

/// The first `room` rows from place `from` on, of all that are offered.
template <typename Row>
class Page {
public:
    struct Result {
        std::vector<Row> rows;
        std::optional<Cursor> next; ///< where the next page begins, if there is one
    };

    Page(Cursor from, std::size_t room) : from_{from}, room_{room} {}

    void offer(Cursor place, const Row& row) {
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

    /// What has been found; the page is empty then.
    [[nodiscard]] Result take() {
        std::ranges::sort_heap(entries_, {}, &Entry::place);
        Result result;
        for (const auto& entry : entries_)
            result.rows.push_back(entry.row);
        const bool more =
            !complete_ && !entries_.empty() && entries_.back().place != ~Cursor{0};
        if (more) result.next = entries_.back().place + 1;
        entries_.clear();
        return result;
    }

private:
    struct Entry {
        Cursor place;
        Row row;
    };

    Cursor from_;
    std::size_t room_;
    bool complete_ = true;       ///< nothing was offered that found no room
    std::vector<Entry> entries_; ///< a heap, the last one on top
};

} // namespace nat64::service
