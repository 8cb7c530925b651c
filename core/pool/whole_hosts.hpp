// SPDX-License-Identifier: Apache-2.0
// The whole-host items of `static`: one IPv6 host and one IPv4 address that stand for each
// other with all their ports, both ways. Fixed at the start, a handful in number, and looked up
// only when a binding is made, so two sorted lists will do. Port statics are ordinary bindings
// of the BIB.
#pragma once

#include "core/napt_settings.hpp"

#include <algorithm>
#include <optional>
#include <vector>

namespace nat64::pool {

class WholeHosts {
public:
    explicit WholeHosts(const std::vector<StaticItem>& statics) {
        for (const auto& item : statics) {
            if (item.protocol) continue;
            by_client_.push_back({item.client6.address, item.mapped4.address});
            by_mapped_.push_back({item.client6.address, item.mapped4.address});
        }
        std::ranges::sort(by_client_, {}, &Pair::client6);
        std::ranges::sort(by_mapped_, {}, &Pair::mapped4);
    }

    [[nodiscard]] std::optional<Ipv4Addr> mapped_of(const Ipv6Addr& client6) const noexcept {
        const auto found = std::ranges::lower_bound(by_client_, client6, {}, &Pair::client6);
        if (found == by_client_.end() || found->client6 != client6) return std::nullopt;
        return found->mapped4;
    }

    [[nodiscard]] std::optional<Ipv6Addr> client_of(Ipv4Addr mapped4) const noexcept {
        const auto found = std::ranges::lower_bound(by_mapped_, mapped4, {}, &Pair::mapped4);
        if (found == by_mapped_.end() || found->mapped4 != mapped4) return std::nullopt;
        return found->client6;
    }

private:
    struct Pair {
        Ipv6Addr client6;
        Ipv4Addr mapped4;
    };

    std::vector<Pair> by_client_;
    std::vector<Pair> by_mapped_;
};

} // namespace nat64::pool
