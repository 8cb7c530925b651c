// SPDX-License-Identifier: Apache-2.0
#include "core/rfc6146/permissions.hpp"

#include <algorithm>
#include <bit>
#include <cassert>

namespace nat64::rfc6146 {

namespace {

// Half full at capacity, with two buckets of five to choose from.
std::size_t buckets_for(std::size_t capacity) {
    return std::bit_ceil(std::max<std::size_t>(capacity * 2 / 5 + 1, 2));
}

} // namespace

Permissions::Permissions(std::size_t capacity, Rng& rng)
    : hash_{rng}, mask_{buckets_for(capacity) - 1}, buckets_{buckets_for(capacity)} {}

std::array<std::size_t, 2> Permissions::buckets_of(std::uint32_t binding,
                                                   Ipv4Addr server) const noexcept {
    const auto hash = hash_(binding, server.bits(), 0);
    return {hash & mask_, hash >> 32 & mask_};
}

const Permissions::Entry* Permissions::find(std::uint32_t binding,
                                            Ipv4Addr server) const noexcept {
    for (const auto bucket : buckets_of(binding, server))
        for (const auto& e : buckets_[bucket].entries)
            if (e.count != 0 && e.binding == binding && e.server == server) return &e;
    return nullptr;
}

bool Permissions::contains(std::uint32_t binding, Ipv4Addr server) const noexcept {
    return find(binding, server) != nullptr;
}

bool Permissions::add(std::uint32_t binding, Ipv4Addr server) noexcept {
    Entry* free = nullptr;
    std::ptrdiff_t most_free = 0;
    for (const auto bucket : buckets_of(binding, server)) {
        auto& entries = buckets_[bucket].entries;
        const auto n = std::ranges::count(entries, 0U, &Entry::count);
        for (auto& e : entries) {
            if (e.count != 0 && e.binding == binding && e.server == server) {
                ++e.count;
                return true;
            }
            if (e.count != 0 || n <= most_free) continue;
            free = &e;
            most_free = n;
        }
    }
    if (free == nullptr) return false;
    *free = {binding, server, 1};
    return true;
}

void Permissions::remove(std::uint32_t binding, Ipv4Addr server) noexcept {
    for (const auto bucket : buckets_of(binding, server))
        for (auto& e : buckets_[bucket].entries)
            if (e.count != 0 && e.binding == binding && e.server == server) {
                --e.count;
                return;
            }
    assert(false);
}

} // namespace nat64::rfc6146
