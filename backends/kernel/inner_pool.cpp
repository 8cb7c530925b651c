// SPDX-License-Identifier: Apache-2.0
#include "backends/kernel/inner_pool.hpp"

#include <algorithm>
#include <array>
#include <cstdint>

namespace nat64::kernel {

namespace {

// In the order of preference. Of 192.168.0.0/16 there is but one, and everybody uses it.
constexpr std::array kBlocks{
    Prefix4{Ipv4Addr{100, 64, 0, 0}, 10},
    Prefix4{Ipv4Addr{198, 18, 0, 0}, 15},
    Prefix4{Ipv4Addr{172, 16, 0, 0}, 12},
    Prefix4{Ipv4Addr{10, 0, 0, 0}, 8},
};

} // namespace

bool collides(const Prefix4& pool, std::span<const Prefix4> in_use) noexcept {
    return std::ranges::any_of(in_use, [&](const Prefix4& used) {
        return used.length() >= kShortestRealRoute && used.overlaps(pool);
    });
}

std::optional<Prefix4> choose_inner_pool(std::span<const Prefix4> in_use) {
    for (const auto& block : kBlocks)
        for (std::uint64_t first = 0; first < block.size();
             first += 1ULL << (32 - kChosenLength)) {
            const Ipv4Addr address{block.address().bits() + static_cast<std::uint32_t>(first)};
            const Prefix4 candidate{address, kChosenLength};
            if (!collides(candidate, in_use)) return candidate;
        }
    return std::nullopt;
}

} // namespace nat64::kernel
