// SPDX-License-Identifier: Apache-2.0
// Sessions in pages (pages.hpp), for sessions that are not the backend's: a session's place is
// computed from what identifies it, so one that lives from the first page to the last is in
// exactly one of them, whatever begins and ends meanwhile. Pure.
#pragma once

#include "core/napt_backend.hpp"
#include "service/pages.hpp"

namespace nat64::service {

/// A session's place. The same for as long as it lives; two sessions share one as often as any
/// two numbers of 64 bits are the same.
[[nodiscard]] Cursor place_of(const SessionRow& row) noexcept;

using SessionPage = Page<SessionRow>;

} // namespace nat64::service
