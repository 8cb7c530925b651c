// SPDX-License-Identifier: Apache-2.0
// What is asked of the TUN driver. Making a device takes root: the scenarios do that.
#include "platform/os_error.hpp"
#include "platform/tun_device.hpp"

#include <string>

#include <doctest/doctest.h>

namespace nat64::platform {

TEST_CASE("offloads: the best is tried first, then without USO, and none always works") {
    const auto attempts = offload_attempts(TunOffload::BestAvailable);
    REQUIRE(attempts.size() >= 3);
    CHECK(features_of(attempts[0]) == TunFeatures{true, true, true});
    CHECK(features_of(attempts[1]) == TunFeatures{true, true, false});
    CHECK(attempts.back() == 0);
}

TEST_CASE("offloads: off asks for nothing") {
    const auto attempts = offload_attempts(TunOffload::None);
    REQUIRE(attempts.size() == 1);
    CHECK(attempts[0] == 0);
    CHECK(features_of(0) == TunFeatures{});
}

TEST_CASE("offloads: one of two USO bits is no UDP segmentation") {
    CHECK_FALSE(features_of(0x20).udp_segmentation);
    CHECK(features_of(0x20 | 0x40).udp_segmentation);
}

TEST_CASE("create_tun: a name that no interface can have is refused with a remedy") {
    for (const std::string name : {"", "sixteen-bytes-ok"}) {
        CAPTURE(name);
        CHECK_THROWS_AS(
            static_cast<void>(create_tun(UniqueFd{}, name, TunOffload::BestAvailable)),
            OsError);
    }
}

} // namespace nat64::platform
