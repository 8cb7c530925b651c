// SPDX-License-Identifier: Apache-2.0
// What is configured at the moment, for everybody in the simulation who has to know: reloads
// change it while packets are on their way. The rules are a policy as a person would state it;
// Policy, the compiled one, has to come to the same answers.
#pragma once

#include "core/napt_backend.hpp"
#include "core/translator.hpp"

#include <algorithm>
#include <optional>
#include <vector>

namespace nat64::simulation {

struct Rules {
    std::vector<Prefix6> clients_deny;
    std::vector<Prefix4> destinations_deny;

    [[nodiscard]] bool forbid(const Ipv6Addr& client6, Ipv4Addr server4) const {
        const auto has_client = [&](const auto& prefix) { return prefix.contains(client6); };
        const auto has_server = [&](const auto& prefix) { return prefix.contains(server4); };
        return std::ranges::any_of(clients_deny, has_client) ||
               std::ranges::any_of(destinations_deny, has_server);
    }

    [[nodiscard]] PolicySettings settings() const {
        PolicySettings policy;
        policy.clients_deny = clients_deny;
        for (const auto& prefix : destinations_deny)
            policy.destinations_deny.push_back({prefix, {}});
        return policy;
    }

    friend bool operator==(const Rules&, const Rules&) = default;
};

struct InForce {
    NaptSettings napt;
    TranslatorSettings translator;
    Rules rules;
    Clock::time_point since;          ///< of the latest change
    std::optional<Filter> flushing{}; ///< while a person ends sessions

    [[nodiscard]] bool withholds(Ipv4Addr address) const {
        return std::ranges::binary_search(napt.withheld, address);
    }

    /// The static entry that this transport address of a client belongs to.
    [[nodiscard]] const StaticItem* static_of(L4Proto protocol,
                                              const Endpoint6& client6) const {
        return find([&](const StaticItem& item) {
            if (!item.protocol) return item.client6.address == client6.address;
            return item.protocol == protocol && item.client6 == client6;
        });
    }

    [[nodiscard]] const StaticItem* static_at(L4Proto protocol,
                                              const Endpoint4& mapped4) const {
        return find([&](const StaticItem& item) {
            if (!item.protocol) return item.mapped4.address == mapped4.address;
            return item.protocol == protocol && item.mapped4 == mapped4;
        });
    }

private:
    template <typename Matches>
    [[nodiscard]] const StaticItem* find(const Matches& matches) const {
        const auto found = std::ranges::find_if(napt.statics, matches);
        return found == napt.statics.end() ? nullptr : &*found;
    }
};

} // namespace nat64::simulation
