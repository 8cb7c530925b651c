// SPDX-License-Identifier: Apache-2.0
// The tables of `nat64 top` that share what room there is: the pool, drops, clients. Pure.
#pragma once

#include "cli/top_line.hpp"
#include "cli/top_model.hpp"
#include "cli/top_view.hpp"

#include <cstddef>
#include <vector>

namespace nat64::cli {

/// At most `room` lines. Each table gets its first rows before another gets many.
[[nodiscard]] std::vector<Line> sections(const TopModel& model,
                                         service::ClientOrder order,
                                         const TopLook& look,
                                         std::size_t room);

} // namespace nat64::cli
