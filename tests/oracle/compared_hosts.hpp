// SPDX-License-Identifier: Apache-2.0
// The 1:1 map of napt: kernel beside std::map: hosts come, stay busy and go, addresses are
// held, and each host is found from both sides for as long as it should be.
#pragma once

#include "core/pool/host_map.hpp"
#include "tests/oracle/expect.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <map>

namespace nat64::oracle {

class ComparedHosts {
public:
    explicit ComparedHosts(Rng& rng) : map_{Prefix4{Ipv4Addr{100, 64, 0, 0}, 24}, 128, rng} {}

    template <typename Source>
    void step(Source& source) {
        now_ = tables::after(now_, static_cast<std::uint32_t>(source.between(0, 3)));
        expire();
        expect(map_.used() == known_.size(), "number of hosts");
        const auto n = source.between(0, 400);
        const auto client6 = Ipv6Addr::from_halves(0x2001'0db8'0000'0000 + n, 1);
        if (!arrive(n, client6)) return;
        auto& known = known_[n];
        const auto until =
            tables::after(now_, static_cast<std::uint32_t>(source.between(1, 1500)));
        known.busy_until = std::max(known.busy_until, until);
        map_[known.slot].busy_until = known.busy_until;
    }

    [[nodiscard]] std::uint32_t used() const { return map_.used(); }

private:
    struct Known {
        std::uint32_t slot;
        Tick busy_until;
    };

    /// False if there is no room for it.
    bool arrive(std::size_t n, const Ipv6Addr& client6) {
        auto slot = map_.find(map_.hash(client6), client6);
        expect((slot != pool::HostMap::kNone) == known_.contains(n), "a host to be found");
        if (slot == pool::HostMap::kNone) {
            const auto made = map_.obtain(map_.hash(client6), client6, 0, now_);
            expect(made.has_value() == (known_.size() < 254), "whether there is room");
            if (!made) {
                expect(made.error() == DropReason::PoolExhausted, "why there is none");
                return false;
            }
            slot = *made;
            known_[n] = {slot, now_};
        }
        expect(known_[n].slot == slot, "a host's slot");
        expect(map_.find(map_.address(slot)) == slot, "a host by its address");
        expect(map_[slot].client6 == client6, "a slot's host");
        return true;
    }

    /// Ends what is due as the backend does it.
    void expire() {
        std::array<std::uint32_t, 4> due{};
        for (std::size_t count = due.size(); count == due.size();) {
            count = map_.take_due(now_, due);
            for (std::size_t i = 0; i < count; ++i) {
                if (due[i] == pool::HostMap::kNone) continue;
                if (tables::before(now_, map_[due[i]].busy_until))
                    map_.keep(due[i]);
                else
                    map_.release(due[i]);
            }
        }
        std::erase_if(known_, [&](const auto& entry) {
            return !tables::before(now_, entry.second.busy_until);
        });
    }

    pool::HostMap map_;
    std::map<std::size_t, Known> known_;
    Tick now_{36'000};
};

} // namespace nat64::oracle
