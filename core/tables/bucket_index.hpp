// SPDX-License-Identifier: Apache-2.0
// A hash index from keys to small ids that never rehashes, never allocates and never searches
// far. Each bucket is one cache line: ten ids and ten 15-bit tags of their hashes. An id lives
// in its home bucket, or, when that one is well filled, in the other bucket that home and tag
// determine; a home bucket counts the ids it has displaced, so most look-ups read one line.
// When both are full one resident may move to its own other bucket; if that does not help
// either, insert() says no. Sized for 60 % load at its capacity, where that has not been seen
// to happen.
//
// Keys live with the caller: it hashes them (keyed_hash.hpp) and confirms a candidate.
// Attackers who cannot predict the hash cannot fill two buckets at will; if they could, they
// would be refused new entries in these two and nobody else would notice. Single-threaded.
#pragma once

#include "core/tables/lazy_array.hpp"

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace nat64::tables {

class BucketIndex {
public:
    static constexpr std::uint32_t kNone = ~std::uint32_t{0};

    /// Room for `capacity` ids.
    explicit BucketIndex(std::size_t capacity);

    void prefetch(std::uint64_t hash) const noexcept {
        __builtin_prefetch(&buckets_[home_of(hash)]);
    }

    /// The id under `hash` that `matches(id)` confirms, or kNone. At most twenty are asked.
    template <typename Matches>
    [[nodiscard]] std::uint32_t find(std::uint64_t hash, Matches&& matches) const noexcept {
        const auto tag = tag_of(hash);
        const auto& home = buckets_[home_of(hash)];
        const auto id = search(home, tag, matches);
        if (id != kNone || displaced(home) == 0) return id;
        return search(buckets_[other_of(home_of(hash), tag)], tag | kDisplaced, matches);
    }

    /// An id whose tag agrees, unconfirmed: what to prefetch.
    [[nodiscard]] std::uint32_t candidate(std::uint64_t hash) const noexcept {
        return find(hash, [](std::uint32_t) { return true; });
    }

    /// `id` must not be there yet. False when there is no room for this hash.
    [[nodiscard]] bool insert(std::uint64_t hash, std::uint32_t id) noexcept;

    /// `id` must be there.
    void erase(std::uint64_t hash, std::uint32_t id) noexcept;

private:
    static constexpr unsigned kLanes = 10;
    static constexpr std::uint64_t kDisplaced = 0x8000; ///< this id is not in its home bucket
    static constexpr unsigned kWellFilled = 8;

    // Twelve 16-bit lanes: ten tags (0: free), the number of displaced ids, the number
    // of tags.
    struct alignas(64) Bucket {
        std::array<std::uint64_t, 3> lanes;
        std::array<std::uint32_t, kLanes> ids;
    };

    static_assert(sizeof(Bucket) == 64);

    static constexpr std::uint64_t kOnes = 0x0001'0001'0001'0001;
    static constexpr std::uint64_t kLow15 = 0x7fff'7fff'7fff'7fff;
    static constexpr std::uint64_t kNoCounts = 0xffff'ffff; ///< lanes 8 and 9 of the last word

    /// The lowest bit of each 16 that are all zero.
    static constexpr std::uint64_t zero_lanes(std::uint64_t word) noexcept {
        return ~(((word & kLow15) + kLow15) | word | kLow15) >> 15;
    }

    /// Which tags equal `tag`, as bits for lane_of(). The three words are looked at as one,
    /// since which one it is in would be a jump that no processor can predict.
    static std::uint64_t equal_lanes(const Bucket& bucket, std::uint64_t tag) noexcept {
        const auto wanted = kOnes * tag;
        return zero_lanes(bucket.lanes[0] ^ wanted) |
               zero_lanes(bucket.lanes[1] ^ wanted) << 1 |
               (zero_lanes(bucket.lanes[2] ^ wanted) & kNoCounts) << 2;
    }

    /// The lane of the lowest bit in what equal_lanes() has found.
    static unsigned lane_of(std::uint64_t found) noexcept {
        const auto bit = static_cast<unsigned>(std::countr_zero(found));
        return bit % 16 * 4 + bit / 16;
    }

    template <typename Matches>
    static std::uint32_t
    search(const Bucket& bucket, std::uint64_t tag, Matches&& matches) noexcept {
        for (auto found = equal_lanes(bucket, tag); found != 0; found &= found - 1)
            if (const auto id = bucket.ids[lane_of(found)]; matches(id)) return id;
        return kNone;
    }

    static std::uint64_t displaced(const Bucket& bucket) noexcept {
        return bucket.lanes[2] >> 32 & 0xffff;
    }

    static std::uint64_t used(const Bucket& bucket) noexcept { return bucket.lanes[2] >> 48; }

    [[nodiscard]] std::size_t home_of(std::uint64_t hash) const noexcept {
        return hash & mask_;
    }

    /// 1 .. 0x7fff, from bits that do not choose the bucket.
    static std::uint64_t tag_of(std::uint64_t hash) noexcept {
        const auto tag = hash >> 49;
        return tag + (tag == 0 ? 1 : 0);
    }

    /// The other bucket of an id with this tag, from either of the two.
    [[nodiscard]] std::size_t other_of(std::size_t bucket, std::uint64_t tag) const noexcept {
        return bucket ^ ((((tag & ~kDisplaced) * 0x9e37'79b1) >> 8 | 1) & mask_);
    }

    bool make_room(std::size_t bucket) noexcept;

    std::size_t mask_;
    LazyArray<Bucket> buckets_;
};

} // namespace nat64::tables
