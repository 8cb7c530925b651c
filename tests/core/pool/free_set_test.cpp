// SPDX-License-Identifier: Apache-2.0
#include "core/pool/free_set.hpp"
#include "tests/support/rng.hpp"

#include <set>

#include <doctest/doctest.h>

namespace nat64::pool {

TEST_CASE("free set: the next free number, starting over, like in std::set") {
    for (const std::uint32_t count : {1U, 64U, 65U, 4096U, 5000U, 300'000U}) {
        CAPTURE(count);
        test::Random random{count};
        FreeSet free{count};
        std::set<std::uint32_t> known;
        CHECK(!free.next(0));
        for (int i = 0; i < 5000; ++i) {
            const auto number = static_cast<std::uint32_t>(random.between(0, count - 1));
            if (known.contains(number)) {
                known.erase(number);
                free.erase(number);
            } else {
                known.insert(number);
                free.insert(number);
            }
            const auto from = static_cast<std::uint32_t>(random.between(0, count - 1));
            auto next = known.lower_bound(from);
            if (next == known.end()) next = known.begin();
            const auto found = free.next(from);
            REQUIRE(found.has_value() == !known.empty());
            if (found) REQUIRE(*found == *next);
            REQUIRE(free.contains(from) == known.contains(from));
        }
    }
}

} // namespace nat64::pool
