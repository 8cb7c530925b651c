// SPDX-License-Identifier: Apache-2.0
// Every example that ships is a configuration that works.
#include "tests/config/support.hpp"

#include <filesystem>

using namespace nat64;

TEST_CASE("examples: every one of them loads") {
    std::size_t count = 0;
    for (const auto& file : std::filesystem::directory_iterator{NAT64_EXAMPLES}) {
        if (file.path().extension() != ".yaml") continue;
        CAPTURE(file.path());
        CHECK_NOTHROW((void)config::load(file.path()));
        ++count;
    }
    CHECK(count >= 3);
}

TEST_CASE("examples: the lab has documentation addresses below the well-known prefix") {
    const auto lab = config::load(std::filesystem::path{NAT64_EXAMPLES} / "lab.yaml");
    CHECK(lab.napt.prefix.is_well_known());
    CHECK_FALSE(lab.translator.wkp_strict);
}
