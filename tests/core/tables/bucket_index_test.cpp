// SPDX-License-Identifier: Apache-2.0
#include "core/tables/bucket_index.hpp"
#include "core/tables/keyed_hash.hpp"

#include <cstdint>
#include <map>
#include <vector>

#include <doctest/doctest.h>

namespace nat64::tables {

namespace {

constexpr auto kNone = BucketIndex::kNone;

struct Keys {
    explicit Keys(std::uint64_t seed) : rng{Secret{seed, 1}}, hash{rng} {}

    [[nodiscard]] std::uint64_t operator()(std::uint64_t key) const { return hash(key, 0, 0); }

    Rng rng;
    KeyedHash hash;
};

} // namespace

TEST_CASE("bucket index: as many ids as it was made for fit, whatever the keys' hash") {
    for (std::uint64_t seed = 0; seed < 20; ++seed)
        for (const std::uint32_t n : {1U, 10U, 100U, 3932U, 12288U, 24576U}) {
            CAPTURE(n);
            const Keys keys{seed};
            BucketIndex index{n};
            for (std::uint32_t i = 0; i < n; ++i)
                REQUIRE(index.insert(keys(i), i));
            for (std::uint32_t i = 0; i < n; ++i)
                REQUIRE(index.find(keys(i), [i](auto id) { return id == i; }) == i);
        }
}

TEST_CASE("bucket index: like std::map, also beyond its capacity and with equal hashes") {
    const Keys keys{99};
    Rng rng{Secret{5, 5}};
    BucketIndex index{48};
    std::map<std::uint64_t, std::uint32_t> oracle;
    std::uint64_t refused = 0;
    for (std::uint32_t i = 0; i < 200000; ++i) {
        // Many keys share two hashes, so buckets overflow.
        const std::uint64_t key = rng.below(160);
        const auto hash = keys(key < 100 ? key % 2 : key);
        const auto found = index.find(hash, [&](auto id) { return id == key; });
        REQUIRE((found != kNone) == oracle.contains(key));
        if (found != kNone) {
            index.erase(hash, found);
            oracle.erase(key);
        } else if (index.insert(hash, static_cast<std::uint32_t>(key))) {
            oracle[key] = 1;
        } else {
            ++refused;
        }
    }
    CHECK(refused > 0);
    CHECK(oracle.size() > 48);
}

TEST_CASE("bucket index: ids with one and the same hash are refused after two buckets") {
    BucketIndex index{100000};
    std::uint32_t n = 0;
    while (index.insert(0x1234'5678'9abc'def0, n))
        ++n;
    CHECK(n == 20);
    // Others do not notice.
    CHECK(index.insert(0x1111'2222'3333'4444, 100));
    unsigned asked = 0;
    (void)index.find(0x1234'5678'9abc'def0, [&](auto) {
        ++asked;
        return false;
    });
    CHECK(asked == 20);
}

TEST_CASE("keyed hash: other secrets give other hashes, and all bits take part") {
    Keys a{1};
    Keys b{2};
    unsigned equal = 0;
    std::uint64_t low = 0;
    std::uint64_t high = 0;
    for (std::uint64_t i = 0; i < 1000; ++i) {
        if (a(i) == b(i)) ++equal;
        low |= a(i);
        high |= ~a(i);
    }
    CHECK(equal == 0);
    CHECK(low == ~std::uint64_t{0});
    CHECK(high == ~std::uint64_t{0});
}

} // namespace nat64::tables
