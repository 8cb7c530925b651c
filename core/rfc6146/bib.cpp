// SPDX-License-Identifier: Apache-2.0
#include "core/rfc6146/bib.hpp"

#include <cassert>

namespace nat64::rfc6146 {

Bib::Bib(std::size_t capacity, std::size_t addresses, Rng& rng)
    : hash_{rng}, slots_{capacity}, by_client_{capacity}, by_mapped_{addresses} {}

std::uint32_t Bib::insert(std::uint64_t hash,
                          L4Proto protocol,
                          const Endpoint6& client6,
                          std::uint16_t address,
                          Port mapped_port) noexcept {
    const auto slot = free_ != kNone ? free_ : fresh_;
    if (slot >= slots_.size() || !by_client_.insert(hash, slot)) return kNone;
    auto& s = slots_[slot];
    if (slot == free_) {
        free_ = s.owner;
        if (free_ != kNone) prefetch_slot(free_); // for the next one
    } else {
        ++fresh_;
    }
    ++size_;
    s.client6 = client6;
    s.mapped_port = mapped_port;
    s.address = address;
    s.protocol = protocol;
    s.flags = BindingSlot::kUsed;
    s.owner = kNone;
    ++s.generation;
    s.first = {};
    s.first.next = kNone;
    // Not read first: a write that misses the cache does not wait for it.
    by_mapped_.at(address, cell(protocol, mapped_port)) = slot + 1;
    return slot;
}

void Bib::erase(std::uint32_t slot) noexcept {
    auto& s = slots_[slot];
    assert(s.has(BindingSlot::kUsed));
    by_client_.erase(hash(s.protocol, s.client6), slot);
    by_mapped_.at(s.address, cell(s.protocol, s.mapped_port)) = 0;
    s.flags = 0;
    s.owner = free_;
    free_ = slot;
    --size_;
}

} // namespace nat64::rfc6146
