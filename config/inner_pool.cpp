// SPDX-License-Identifier: Apache-2.0
#include "config/inner_pool.hpp"

#include "core/net/address.hpp"

namespace nat64::config {

void use_inner_pool(Config& config, const Prefix4& pool) {
    const Ipv4Addr gateway{pool.address().bits() + 1};
    config.napt.inner_pool = pool;
    config.napt.reserved = {gateway};
    config.translator.gateway4 = gateway;
}

} // namespace nat64::config
