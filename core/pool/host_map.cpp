// SPDX-License-Identifier: Apache-2.0
#include "core/pool/host_map.hpp"

#include <cassert>
#include <cstddef>
#include <stdexcept>

namespace nat64::pool {

namespace {

std::size_t checked_size(const Prefix4& pool) {
    if (pool.length() < 8 || pool.length() > 30)
        throw std::length_error{"inner_pool: give a /8 to /30"};
    return static_cast<std::size_t>(pool.size());
}

} // namespace

HostMap::HostMap(const Prefix4& pool, unsigned client_prefix, Rng& rng, const Secret& places)
    : pool_{pool},
      places_{places},
      hash_{rng},
      index_{checked_size(pool)},
      hosts_{checked_size(pool)},
      timers_{checked_size(pool)},
      free_{checked_size(pool)} {
    if (client_prefix < 128) clients_.emplace(hosts_.size(), client_prefix, rng);
    capacity_ = slots() - 2;
    for (std::uint32_t slot = 1; slot <= capacity_; ++slot)
        free_.insert(slot);
}

std::uint32_t HostMap::find(std::uint64_t hash, const Ipv6Addr& client6) const noexcept {
    return index_.find(hash,
                       [&](std::uint32_t slot) { return hosts_[slot].client6 == client6; });
}

std::uint32_t HostMap::preferred(const Ipv6Addr& client6) const noexcept {
    const auto place = siphash24(places_, std::as_bytes(std::span{client6.bytes()}));
    return 1 + static_cast<std::uint32_t>((place >> 32) * (slots() - 2) >> 32);
}

std::optional<std::uint32_t> HostMap::choose(const Ipv6Addr& client6) const noexcept {
    const auto first = preferred(client6);
    if (hosts_[first].has(Host::kHeld)) return first;
    return free_.next(first);
}

std::uint32_t HostMap::addresses_of(const Ipv6Addr& client6) const noexcept {
    if (!clients_) return find(hash(client6), client6) == kNone ? 0 : 1;
    const auto owner = clients_->find(client6);
    return owner == kNone ? 0 : (*clients_)[owner].bindings;
}

std::optional<DropReason> HostMap::refusal(const Ipv6Addr& client6,
                                           std::uint32_t limit) const noexcept {
    if (!choose(client6)) return DropReason::PoolExhausted;
    if (clients_ && limit != 0 && addresses_of(client6) >= limit)
        return DropReason::ClientAddressLimit;
    return std::nullopt;
}

std::expected<std::uint32_t, DropReason> HostMap::obtain(std::uint64_t hash,
                                                         const Ipv6Addr& client6,
                                                         std::uint32_t limit,
                                                         Tick now) noexcept {
    if (const auto no = refusal(client6, limit)) return std::unexpected{*no};
    const auto slot = choose(client6);
    assert(slot); // or there is a refusal
    auto owner = kNone;
    if (clients_) {
        owner = clients_->obtain(client6, clients_->hash(client6), {}, now);
        if (owner == kNone) return std::unexpected{DropReason::PoolExhausted};
    }
    if (!begin(*slot, hash, client6, now)) {
        if (clients_) clients_->drop_if_idle(owner);
        return std::unexpected{DropReason::PoolExhausted};
    }
    hosts_[*slot].owner = owner;
    if (clients_) ++(*clients_)[owner].bindings;
    timers_.link(*slot, now);
    return *slot;
}

std::expected<std::uint32_t, std::string_view> HostMap::place(const Ipv6Addr& client6,
                                                              Ipv4Addr inner4,
                                                              std::uint8_t flags,
                                                              Tick now) noexcept {
    const auto slot = slot_of(inner4);
    if (slot == kNone) return std::unexpected{"not an address of the inner pool"};
    const auto its_hash = hash(client6);
    const auto has = find(its_hash, client6);
    if (has != kNone && has != slot) return std::unexpected{"its client has another address"};
    if (has == kNone) {
        if (hosts_[slot].has(Host::kUsed))
            return std::unexpected{"its address belongs to another client"};
        if (!hosts_[slot].has(Host::kHeld) && !free_.contains(slot))
            return std::unexpected{"its address is reserved"};
        auto owner = kNone;
        if (clients_) owner = clients_->obtain(client6, clients_->hash(client6), {}, now);
        if ((clients_ && owner == kNone) || !begin(slot, its_hash, client6, now))
            return std::unexpected{"no room"};
        hosts_[slot].owner = owner;
        if (clients_) ++(*clients_)[owner].bindings;
    }
    auto& host = hosts_[slot];
    host.flags = static_cast<std::uint8_t>(host.flags | flags);
    timers_.unlink(slot);
    if (!host.has(Host::kStatic)) timers_.link(slot, host.busy_until);
    return slot;
}

bool HostMap::begin(std::uint32_t slot,
                    std::uint64_t hash,
                    const Ipv6Addr& client6,
                    Tick now) noexcept {
    if (!index_.insert(hash, slot)) return false;
    auto& host = hosts_[slot];
    host.seen = now;
    if (host.has(Host::kHeld)) {
        timers_.unlink(slot);
        end_hold(slot);
        if (tables::before(host.busy_until, now)) host.busy_until = now;
    } else {
        host.busy_until = now;
    }
    free_.erase(slot);
    ++used_;
    host.client6 = client6;
    ++host.generation;
    host.flags = Host::kUsed;
    return true;
}

void HostMap::make_dynamic(std::uint32_t slot, Tick busy_until) noexcept {
    auto& host = hosts_[slot];
    host.flags = static_cast<std::uint8_t>(host.flags & ~Host::kStatic);
    host.busy_until = busy_until;
    timers_.unlink(slot);
    timers_.link(slot, busy_until);
}

void HostMap::reserve(Ipv4Addr inner4) noexcept {
    const auto slot = slot_of(inner4);
    if (slot == kNone || !free_.contains(slot)) return;
    free_.erase(slot);
    --capacity_;
}

void HostMap::hold(Ipv4Addr inner4, Tick until) noexcept {
    const auto slot = slot_of(inner4);
    if (slot == kNone || !free_.contains(slot)) return;
    free_.erase(slot);
    ++held_;
    hosts_[slot].flags = Host::kHeld;
    hosts_[slot].busy_until = until;
    timers_.link(slot, until);
}

void HostMap::extend_hold(Ipv4Addr inner4, Tick until) noexcept {
    if (!is_held(inner4)) return;
    auto& host = hosts_[slot_of(inner4)];
    if (tables::before(host.busy_until, until)) host.busy_until = until;
}

void HostMap::end_hold(std::uint32_t slot) noexcept {
    hosts_[slot].flags = 0;
    free_.insert(slot);
    --held_;
}

void HostMap::release(std::uint32_t slot) noexcept {
    auto& host = hosts_[slot];
    timers_.unlink(slot);
    index_.erase(hash(host.client6), slot);
    if (clients_) {
        --(*clients_)[host.owner].bindings;
        clients_->drop_if_idle(host.owner);
    }
    host.flags = 0;
    ++host.generation;
    free_.insert(slot);
    --used_;
}

std::size_t HostMap::take_due(Tick now, std::span<std::uint32_t> slots) noexcept {
    const auto due = timers_.take_due(now, slots);
    for (std::size_t i = 0; i < due; ++i) {
        const auto slot = slots[i];
        if (!hosts_[slot].has(Host::kHeld)) continue;
        if (tables::before(now, hosts_[slot].busy_until))
            keep(slot);
        else
            end_hold(slot);
        slots[i] = kNone;
    }
    return due;
}

} // namespace nat64::pool
