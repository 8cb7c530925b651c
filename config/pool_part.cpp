// SPDX-License-Identifier: Apache-2.0
// By single addresses: a pool has 65536 at the most, and this is not the packet path.
#include "config/pool_part.hpp"

#include "core/net/address.hpp"
#include "core/net/transport.hpp"

#include <algorithm>
#include <cstdint>

namespace nat64::config {

namespace {

struct Given {
    Ipv4Addr address;
    PortRange ports;

    friend auto operator<=>(const Given&, const Given&) = default;
};

/// Ascending.
std::vector<Given> expanded(const std::vector<PoolItem>& pool) {
    std::vector<Given> all;
    for (const auto& item : pool)
        for (std::uint32_t i = 0; i < item.prefix.size(); ++i)
            all.push_back({Ipv4Addr{item.prefix.address().bits() + i}, item.ports});
    std::ranges::sort(all);
    return all;
}

} // namespace

std::optional<Ipv4Addr> beyond(const std::vector<PoolItem>& made_for,
                               const std::vector<PoolItem>& wanted) {
    const auto known = expanded(made_for);
    for (const auto& given : expanded(wanted))
        if (!std::ranges::binary_search(known, given)) return given.address;
    return std::nullopt;
}

std::vector<Ipv4Addr> left_out(const std::vector<PoolItem>& made_for,
                               const std::vector<PoolItem>& wanted) {
    const auto present = expanded(wanted);
    std::vector<Ipv4Addr> out;
    for (const auto& given : expanded(made_for))
        if (!std::ranges::binary_search(present, given.address, {}, &Given::address))
            out.push_back(given.address);
    return out;
}

} // namespace nat64::config
