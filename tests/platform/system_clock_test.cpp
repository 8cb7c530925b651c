// SPDX-License-Identifier: Apache-2.0
// Time and secrets from the kernel.
#include "platform/system_clock.hpp"

#include <doctest/doctest.h>

namespace nat64::platform {

TEST_CASE("now: the boot-time clock does not run backwards") {
    const auto first = now();
    CHECK(first.time_since_epoch().count() > 0);
    CHECK(now() >= first);
}

TEST_CASE("random_secret: two secrets are not the same") {
    CHECK(random_secret() != random_secret());
}

} // namespace nat64::platform
