// SPDX-License-Identifier: Apache-2.0
#include "backends/registry.hpp"
#include "tests/backends/conformance.hpp"

#include <stdexcept>

#include <doctest/doctest.h>

namespace nat64::backends {

TEST_CASE("registry: every backend conforms") {
    for (const auto& entry : backends()) {
        CAPTURE(entry.name);
        auto settings = test::small_settings();
        settings.inner_pool = Prefix4::parse("100.64.0.0/24");
        test::check_conformance(settings, entry.make);
    }
}

TEST_CASE("registry: a backend is made by the name that `napt` has for it") {
    Counters counters;
    auto rng = test::seeded_rng(1);
    CHECK(make_backend("daemon", test::small_settings(), counters, rng) != nullptr);
    CHECK_THROWS_AS((void)make_backend("kernal", test::small_settings(), counters, rng),
                    std::invalid_argument);
}

} // namespace nat64::backends
