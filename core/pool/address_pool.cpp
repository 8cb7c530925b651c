// SPDX-License-Identifier: Apache-2.0
#include "core/pool/address_pool.hpp"

#include "core/net/address.hpp"
#include "core/net/transport.hpp"

#include <algorithm>
#include <bit>
#include <cstddef>
#include <iterator>
#include <stdexcept>
#include <utility>

namespace nat64::pool {

namespace {

// Every address of pool and statics, without the reserved ones, ascending.
std::vector<Ipv4Addr> all_addresses(const NaptSettings& settings) {
    std::uint64_t total = settings.statics.size();
    for (const auto& item : settings.pool)
        total += item.prefix.size();
    if (total > AddressPool::kMaxAddresses + settings.reserved.size())
        throw std::length_error{"pool: more than 65536 addresses"};

    std::vector<Ipv4Addr> all;
    all.reserve(total);
    for (const auto& item : settings.pool)
        for (std::uint32_t i = 0; i < item.prefix.size(); ++i)
            all.emplace_back(item.prefix.address().bits() + i);
    for (const auto& item : settings.statics)
        all.push_back(item.mapped4.address);
    std::ranges::sort(all);
    const auto repeated = std::ranges::unique(all);
    all.erase(repeated.begin(), repeated.end());
    for (const auto reserved : settings.reserved)
        std::erase(all, reserved);
    if (all.size() > AddressPool::kMaxAddresses)
        throw std::length_error{"pool: more than 65536 addresses"};
    return all;
}

} // namespace

AddressPool::AddressPool(const NaptSettings& settings, Rng& rng) : rng_{rng} {
    add_addresses(settings);
    sets_ = tables::ChunkedArray<PortSet, kL4ProtoCount>{addresses_.size()};
    for (auto& full : full_)
        full.resize((givers_.size() + 63) / 64);
    withheld_.resize((givers_.size() + 63) / 64);
    for (const auto address : settings.withheld)
        withhold(address);
}

void AddressPool::add_addresses(const NaptSettings& settings) {
    std::vector<Ipv4Addr> whole_hosts;
    for (const auto& item : settings.statics)
        if (!item.protocol) whole_hosts.push_back(item.mapped4.address);
    std::ranges::sort(whole_hosts);

    for (const auto address : all_addresses(settings)) {
        const auto index = static_cast<std::uint32_t>(addresses_.size());
        if (runs_.empty() || runs_.back().first.bits() + runs_.back().count != address.bits())
            runs_.push_back({address, 0, index});
        ++runs_.back().count;
        const bool whole_host = std::ranges::binary_search(whole_hosts, address);
        const auto items = whole_host ? std::span<const PoolItem>{} : settings.pool;
        addresses_.push_back({address, mask_for(address, items)});
        if (masks_[addresses_.back().mask].count() > 0)
            givers_.push_back(static_cast<AddressIndex>(index));
    }
}

// Addresses with equal ports share one mask; there are as many as there are different ranges.
std::uint32_t AddressPool::mask_for(Ipv4Addr address, std::span<const PoolItem> items) {
    std::vector<PortRange> ranges;
    for (const auto& item : items)
        if (item.prefix.contains(address)) ranges.push_back(item.ports);
    std::ranges::sort(ranges);
    const auto known = std::ranges::find(mask_ranges_, ranges);
    if (known == mask_ranges_.end()) {
        masks_.emplace_back(ranges);
        mask_ranges_.push_back(std::move(ranges));
        return static_cast<std::uint32_t>(masks_.size() - 1);
    }
    return static_cast<std::uint32_t>(known - mask_ranges_.begin());
}

std::optional<AddressIndex> AddressPool::search(Ipv4Addr address) const noexcept {
    const auto run = std::ranges::upper_bound(runs_, address, {}, &Run::first);
    return run == runs_.begin() ? std::nullopt : index_in(*std::prev(run), address);
}

std::optional<AddressIndex> AddressPool::home(std::uint64_t hash) const noexcept {
    if (givers_.empty()) return std::nullopt;
    const auto position = ((hash >> 32) * givers_.size()) >> 32;
    if (!is_withheld(givers_[position])) return givers_[position];
    // Whose home is withheld spreads over what is left; nobody else moves.
    const auto rank = ((hash & 0xffff'ffff) * (givers_.size() - withheld_count_)) >> 32;
    return open_giver(rank);
}

// As many words as a thousand: for the first binding of such a client alone.
std::optional<AddressIndex> AddressPool::open_giver(std::size_t rank) const noexcept {
    for (std::size_t word = 0; word < withheld_.size(); ++word) {
        auto open = ~withheld_[word];
        if (word + 1 == withheld_.size() && givers_.size() % 64 != 0)
            open &= (std::uint64_t{1} << givers_.size() % 64) - 1;
        const auto here = static_cast<std::size_t>(std::popcount(open));
        if (rank >= here) {
            rank -= here;
            continue;
        }
        for (; rank > 0; --rank)
            open &= open - 1;
        return givers_[word * 64 + static_cast<std::size_t>(std::countr_zero(open))];
    }
    return std::nullopt;
}

void AddressPool::withhold(Ipv4Addr address) noexcept {
    mark_withheld(address, 1);
}

void AddressPool::offer(Ipv4Addr address) noexcept {
    mark_withheld(address, 0);
}

void AddressPool::mark_withheld(Ipv4Addr address, std::uint64_t withheld) noexcept {
    const auto index = index_of(address);
    if (!index) return;
    addresses_[*index].withheld = withheld != 0;
    const auto giver = std::ranges::lower_bound(givers_, *index);
    if (giver == givers_.end() || *giver != *index) return; // it has no ports to give out
    const auto position = static_cast<std::size_t>(giver - givers_.begin());
    auto& word = withheld_[position / 64];
    withheld_count_ -= word >> position % 64 & 1;
    withheld_count_ += withheld;
    word = (word & ~(std::uint64_t{1} << position % 64)) | withheld << position % 64;
}

// The first position at or behind `from` whose address may have a port, going round.
std::optional<std::size_t> AddressPool::next_open(const FullBits& full,
                                                  std::size_t from) const noexcept {
    for (std::size_t i = 0; i <= full.size(); ++i) {
        const auto word = (from / 64 + i) % full.size();
        auto open = ~(full[word] | withheld_[word]);
        if (i == 0) open &= ~std::uint64_t{0} << from % 64;
        const auto position = word * 64 + static_cast<std::size_t>(std::countr_zero(open));
        if (open != 0 && position < givers_.size()) return position;
    }
    return std::nullopt;
}

void AddressPool::look_again(Tick now) noexcept {
    if (now.count() - looked_.count() < kLookAgain) return;
    looked_ = now;
    for (auto& full : full_)
        std::ranges::fill(full, 0);
}

std::optional<AddressPool::Lease>
AddressPool::allocate(L4Proto protocol, Port client, AddressIndex home, Tick now) noexcept {
    const auto at_home =
        is_withheld(home)
            ? std::nullopt
            : set(home, protocol).allocate(mask(home), protocol, client, now, rng_);
    if (at_home) return Lease{home, *at_home};
    look_again(now);
    auto& full = full_[static_cast<std::size_t>(protocol)];
    auto from =
        static_cast<std::size_t>(std::ranges::lower_bound(givers_, home) - givers_.begin());
    for (unsigned tries = 0; tries < kTries; ++tries) {
        const auto position = next_open(full, from);
        if (!position) return std::nullopt;
        const auto index = givers_[*position];
        if (const auto port =
                set(index, protocol).allocate(mask(index), protocol, client, now, rng_))
            return Lease{index, *port};
        full[*position / 64] |= std::uint64_t{1} << *position % 64;
        from = *position;
    }
    return std::nullopt;
}

bool AddressPool::take(AddressIndex index, L4Proto protocol, Port port) noexcept {
    return set(index, protocol).take(mask(index), port);
}

void AddressPool::release(AddressIndex index, L4Proto protocol, Port port, Tick now) noexcept {
    set(index, protocol).release(mask(index), port, now);
}

AddressPool::Usage
AddressPool::usage(AddressIndex index, L4Proto protocol, Tick now) const noexcept {
    const auto& ports = sets_.at(index, static_cast<std::size_t>(protocol));
    return {mask(index).count(), ports.used(), ports.held_back(now)};
}

} // namespace nat64::pool
