// SPDX-License-Identifier: Apache-2.0
// The page that `nat64 top` shows: traffic, pool, drops and clients as lines that fit a
// terminal of any size, the more of each the larger it is. Pure: no terminal, no clock.
#pragma once

#include "cli/top_graph.hpp"
#include "cli/top_line.hpp"
#include "cli/top_model.hpp"
#include "service/control_request.hpp"

#include <chrono>
#include <cstddef>
#include <vector>

namespace nat64::cli {

/// What the terminal can show.
struct TopLook {
    std::size_t width = 80;
    std::size_t height = 24;
    Glyphs glyphs = Glyphs::Unicode;
};

/// What the person at it has chosen.
struct TopState {
    bool paused = false;
    bool help = false;
    service::ClientOrder order = service::ClientOrder::Sessions;
    std::chrono::milliseconds interval{1000};
};

/// At most look.height lines of at most look.width cells.
[[nodiscard]] std::vector<Line>
lay_out(const TopModel& model, const TopState& state, const TopLook& look);

[[nodiscard]] const char* name_of(service::ClientOrder order) noexcept;

} // namespace nat64::cli
