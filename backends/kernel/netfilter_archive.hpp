// SPDX-License-Identifier: Apache-2.0
// How napt: kernel's values that more than one request carries travel between our two processes
// (platform/archive.hpp has those of core).
#pragma once

#include "backends/kernel/nft_ruleset.hpp"

namespace nat64::kernel {

template <typename Archive>
void serialize(Archive& archive, ForwardOthers& others) {
    archive(others.ipv4, others.ipv6);
}

} // namespace nat64::kernel
