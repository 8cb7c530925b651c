// SPDX-License-Identifier: Apache-2.0
// Filling and emptying the buckets; searching is in the header because every packet does it.
#include "core/tables/bucket_index.hpp"

#include <algorithm>
#include <cassert>

namespace nat64::tables {

namespace {

constexpr std::size_t buckets_for(std::size_t capacity) noexcept {
    return std::bit_ceil(std::max<std::size_t>(capacity / 6 + 1, 2));
}

constexpr std::uint64_t kOneDisplaced = std::uint64_t{1} << 32;
constexpr std::uint64_t kOneUsed = std::uint64_t{1} << 48;

template <typename Bucket>
std::uint64_t tag_at(const Bucket& bucket, unsigned lane) noexcept {
    return bucket.lanes[lane / 4] >> (lane % 4 * 16) & 0xffff;
}

/// Puts a tag into a free lane, or 0 into one that is not.
template <typename Bucket>
void set(Bucket& bucket, unsigned lane, std::uint64_t tag, std::uint32_t id) noexcept {
    auto& word = bucket.lanes[lane / 4];
    const auto shift = lane % 4 * 16;
    word = (word & ~(std::uint64_t{0xffff} << shift)) | tag << shift;
    bucket.ids[lane] = id;
    if (tag != 0)
        bucket.lanes[2] += kOneUsed;
    else
        bucket.lanes[2] -= kOneUsed;
}

} // namespace

BucketIndex::BucketIndex(std::size_t capacity)
    : mask_{buckets_for(capacity) - 1}, buckets_{buckets_for(capacity)} {}

bool BucketIndex::insert(std::uint64_t hash, std::uint32_t id) noexcept {
    const auto full = [](const Bucket& bucket) { return equal_lanes(bucket, 0) == 0; };
    const auto tag = tag_of(hash);
    const auto home = home_of(hash);
    const auto other = other_of(home, tag);
    auto chosen = home;
    if (const auto n = used(buckets_[home]); n >= kWellFilled && used(buckets_[other]) < n)
        chosen = other;
    if (full(buckets_[chosen])) {
        if (make_room(home))
            chosen = home;
        else if (make_room(other))
            chosen = other;
        else
            return false;
    }
    auto& bucket = buckets_[chosen];
    set(bucket, lane_of(equal_lanes(bucket, 0)), chosen == home ? tag : tag | kDisplaced, id);
    if (chosen != home) buckets_[home].lanes[2] += kOneDisplaced;
    return true;
}

// Moves one resident of a full bucket to its other bucket, if that has room.
bool BucketIndex::make_room(std::size_t bucket) noexcept {
    auto& from = buckets_[bucket];
    for (unsigned lane = 0; lane < kLanes; ++lane) {
        const auto tag = tag_at(from, lane);
        const auto target = other_of(bucket, tag);
        auto& to = buckets_[target];
        const auto found = equal_lanes(to, 0);
        if (found == 0) continue;
        set(to, lane_of(found), tag ^ kDisplaced, from.ids[lane]);
        set(from, lane, 0, 0);
        if ((tag & kDisplaced) != 0)
            to.lanes[2] -= kOneDisplaced;
        else
            from.lanes[2] += kOneDisplaced;
        return true;
    }
    return false;
}

void BucketIndex::erase(std::uint64_t hash, std::uint32_t id) noexcept {
    const auto erase_from = [id](Bucket& bucket, std::uint64_t tag) {
        for (auto found = equal_lanes(bucket, tag); found != 0; found &= found - 1) {
            const auto lane = lane_of(found);
            if (bucket.ids[lane] != id) continue;
            set(bucket, lane, 0, 0);
            return true;
        }
        return false;
    };
    const auto tag = tag_of(hash);
    auto& home = buckets_[home_of(hash)];
    if (erase_from(home, tag)) return;
    const bool erased = erase_from(buckets_[other_of(home_of(hash), tag)], tag | kDisplaced);
    assert(erased);
    if (erased) home.lanes[2] -= kOneDisplaced;
}

} // namespace nat64::tables
