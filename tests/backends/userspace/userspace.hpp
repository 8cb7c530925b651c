// SPDX-License-Identifier: Apache-2.0
// Networks behind the userspace backend.
#pragma once

#include "backends/userspace/userspace_backend.hpp"
#include "tests/backends/network.hpp"

#include <memory>

namespace nat64::test {

inline std::unique_ptr<NaptBackend>
make_userspace(const NaptSettings& settings, Counters& counters, Rng& rng) {
    return std::make_unique<userspace::UserspaceBackend>(settings, counters, rng);
}

struct UserspaceNetwork : Network {
    explicit UserspaceNetwork(const NaptSettings& settings = small_settings(),
                              std::uint64_t seed = 1)
        : Network{settings, make_userspace, seed} {}
};

inline const Endpoint4 kServer{Ipv4Addr{203, 0, 113, 5}, Port{443}};

} // namespace nat64::test
