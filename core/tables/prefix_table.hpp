// SPDX-License-Identifier: Apache-2.0
// Which of a set of IP prefixes is the longest that contains an address. Prefixes either nest
// or are disjoint, so it is enough to look at the last one that begins at or before the
// address and at those around it: a binary search, then at most one step for each bit. Made
// once and never changed; what belongs to a prefix is kept by the owner, by index.
#pragma once

#include "core/net/address.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace nat64::tables {

template <typename Prefix>
class PrefixTable {
public:
    static constexpr std::uint32_t kNone = ~std::uint32_t{0};

    PrefixTable() = default;

    /// Equal prefixes are one. Indexes are in order of address, outer prefixes first.
    explicit PrefixTable(std::vector<Prefix> prefixes) : prefixes_{std::move(prefixes)} {
        std::ranges::sort(prefixes_);
        const auto rest = std::ranges::unique(prefixes_);
        prefixes_.erase(rest.begin(), rest.end());
        outer_.reserve(prefixes_.size());
        for (const auto& prefix : prefixes_) {
            auto outer = outer_.empty() ? kNone : static_cast<std::uint32_t>(outer_.size() - 1);
            while (outer != kNone && !prefixes_[outer].overlaps(prefix))
                outer = outer_[outer];
            outer_.push_back(outer);
        }
    }

    [[nodiscard]] std::size_t size() const noexcept { return prefixes_.size(); }

    [[nodiscard]] const Prefix& operator[](std::uint32_t index) const noexcept {
        return prefixes_[index];
    }

    /// The next longer-reaching prefix around this one, or kNone.
    [[nodiscard]] std::uint32_t outer(std::uint32_t index) const noexcept {
        return outer_[index];
    }

    /// The longest prefix that contains the address, or kNone.
    template <typename Address>
    [[nodiscard]] std::uint32_t find(const Address& address) const noexcept {
        const auto behind = std::ranges::upper_bound(
            prefixes_, key(address), {}, [](const Prefix& p) { return key(p.address()); });
        auto index = static_cast<std::uint32_t>(behind - prefixes_.begin()) - 1; // or kNone
        while (index != kNone && !prefixes_[index].contains(address))
            index = outer_[index];
        return index;
    }

private:
    // As integers: an address byte by byte would take ten times as long.
    static constexpr std::uint32_t key(Ipv4Addr a) noexcept { return a.bits(); }

    static constexpr std::pair<std::uint64_t, std::uint64_t> key(const Ipv6Addr& a) noexcept {
        return {a.high(), a.low()};
    }

    std::vector<Prefix> prefixes_;
    std::vector<std::uint32_t> outer_;
};

} // namespace nat64::tables
