// SPDX-License-Identifier: Apache-2.0
#include "backends/kernel/free_ports.hpp"

#include <algorithm>
#include <cstdint>
#include <functional>

namespace nat64::kernel {

namespace {

unsigned width(const PortRange& range) noexcept {
    return range.last.value() - range.first.value() + 1U;
}

} // namespace

std::vector<PortRange> free_ranges(PortRange within, std::span<const Port> taken) {
    std::vector<PortRange> ranges;
    unsigned first = within.first.value();
    const auto until = [&](unsigned end) { // without it
        if (end >= first + kNarrowest)
            ranges.push_back({Port{static_cast<std::uint16_t>(first)},
                              Port{static_cast<std::uint16_t>(end - 1)}});
    };
    for (const auto port : taken) {
        if (!within.contains(port)) continue;
        until(port.value());
        first = port.value() + 1U;
    }
    until(within.last.value() + 1U);
    std::ranges::sort(ranges, std::ranges::greater{}, width);
    ranges.resize(std::min(ranges.size(), kMostRanges));
    std::ranges::sort(ranges);
    return ranges;
}

} // namespace nat64::kernel
