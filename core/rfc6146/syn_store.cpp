// SPDX-License-Identifier: Apache-2.0
#include "core/rfc6146/syn_store.hpp"

#include <algorithm>
#include <span>
#include <utility>

namespace nat64::rfc6146 {

SynStore::SynStore() : storage_{kCapacity * kRoom} {}

PacketBuffer SynStore::packet_of(std::size_t i) noexcept {
    PacketBuffer packet{std::span{&storage_[i * kRoom], kRoom}, kHeadroom, entries_[i].size};
    packet.offload = entries_[i].offload;
    return packet;
}

SynStore::Outcome SynStore::store(const Endpoint4& server4,
                                  const Endpoint4& mapped4,
                                  const PacketBuffer& packet,
                                  Tick now) noexcept {
    const auto key = key_of(server4);
    auto free = kCapacity;
    for (std::size_t i = 0; i < kCapacity; ++i) {
        if (keys_[i] == key && entries_[i].mapped4 == mapped4) return Outcome::Repeated;
        if (keys_[i] == 0) free = i;
    }
    if (free == kCapacity || packet.size() > kMaxBytes) return Outcome::Full;

    const auto i = static_cast<std::uint16_t>(free);
    keys_[i] = key;
    entries_[i] = {
        mapped4, now, newest_, kEnd, static_cast<std::uint16_t>(packet.size()), packet.offload};
    (newest_ == kEnd ? oldest_ : entries_[newest_].newer) = i;
    newest_ = i;
    ++count_;
    std::ranges::copy(packet.bytes(), packet_of(i).data());
    return Outcome::Stored;
}

void SynStore::forget(const Endpoint4& server4, const Endpoint4& mapped4) noexcept {
    const auto key = key_of(server4);
    for (std::size_t i = 0; i < kCapacity; ++i)
        if (keys_[i] == key && entries_[i].mapped4 == mapped4) return forget(i);
}

std::size_t SynStore::purge(const Endpoint4& mapped4) noexcept {
    const auto before = count_;
    for (std::size_t i = 0; i < kCapacity && count_ > 0; ++i)
        if (keys_[i] != 0 && entries_[i].mapped4 == mapped4) forget(i);
    return before - count_;
}

void SynStore::forget(std::size_t i) noexcept {
    const auto [older, newer] = std::pair{entries_[i].older, entries_[i].newer};
    (older == kEnd ? oldest_ : entries_[older].newer) = newer;
    (newer == kEnd ? newest_ : entries_[newer].older) = older;
    keys_[i] = 0;
    --count_;
}

} // namespace nat64::rfc6146
