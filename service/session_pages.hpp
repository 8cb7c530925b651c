// SPDX-License-Identifier: Apache-2.0
// Pages of a listing whose source has neither order nor place to go on from: sessions are
// ordered by a number computed from what identifies them, and a page is those that come next,
// found by one pass over all. So a session that lives from the first page to the last is in
// exactly one of them, whatever begins and ends meanwhile. Pure.
#pragma once

#include "core/napt_backend.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace nat64::service {

/// A session's place. The same for as long as it lives; two sessions share one as often as any
/// two numbers of 64 bits are the same.
[[nodiscard]] Cursor place_of(const SessionRow& row) noexcept;

/// The first `room` sessions from place `from` on, of all that are offered. Needs memory for
/// so many and no more.
class SessionPage {
public:
    SessionPage(Cursor from, std::size_t room) : from_{from}, room_{room} {}

    void offer(const SessionRow& row);

    struct Result {
        std::vector<SessionRow> rows;
        std::optional<Cursor> next; ///< where the next page begins, if there is one
    };

    /// What has been found; the page is empty then.
    [[nodiscard]] Result take();

private:
    struct Entry {
        Cursor place;
        SessionRow row;
    };

    Cursor from_;
    std::size_t room_;
    bool complete_ = true;       ///< nothing was offered that found no room
    std::vector<Entry> entries_; ///< a heap, the last one on top
};

} // namespace nat64::service
