// SPDX-License-Identifier: Apache-2.0
// A port allocator's conscience: it keeps the free, used and recently freed ports in plain sets
// and says what is wrong with a choice somebody else has made.
#pragma once

#include "core/clock.hpp"
#include "core/net/transport.hpp"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace nat64::oracle {

class NaivePorts {
public:
    explicit NaivePorts(const std::vector<PortRange>& ranges) {
        for (const auto& r : ranges)
            for (unsigned p = r.first.value(); p <= r.last.value(); ++p)
                all_.insert(p);
    }

    /// Empty if `choice` is a right answer to `client` at `now`; takes it then.
    std::string judge(L4Proto protocol, Port client, std::optional<Port> choice, Tick now) {
        if (!choice) {
            // Whoever refuses must be out of ports that are surely not held back any more.
            for (const auto p : all_)
                if (!used_.contains(p) && (protocol == L4Proto::Tcp || surely_free(p, now)))
                    return "refused although " + std::to_string(p) + " is free";
            return "";
        }
        const unsigned port = choice->value();
        if (!all_.contains(port)) return "not in the ranges";
        if (used_.contains(port)) return "in use";
        const bool early = freed_.contains(port) && now.count() - freed_[port] < 1200;
        if (early && protocol != L4Proto::Tcp) return "held back";
        for (const auto p : all_) {
            if (used_.contains(p) || !surely_free(p, now)) continue;
            if (early) return "held back, though another one is free";
            if (merit(protocol, p, client) > merit(protocol, port, client))
                return "a better one is free";
        }
        used_.insert(port);
        freed_.erase(port);
        return "";
    }

    void release(Port port, Tick now) {
        used_.erase(port.value());
        freed_[port.value()] = now.count();
    }

private:
    /// The hold-back time is 120 s at least and 240 s at most.
    [[nodiscard]] bool surely_free(unsigned port, Tick now) const {
        const auto freed = freed_.find(port);
        return freed == freed_.end() || now.count() - freed->second >= 2400;
    }

    static int merit(L4Proto protocol, unsigned port, Port client) {
        if (protocol == L4Proto::Icmp) return 0; // an identifier is as good as any other
        const bool same_range = (port < 1024) == (client.value() < 1024);
        const bool same_parity = port % 2 == client.value() % 2;
        return (same_range ? 2 : 0) + (same_parity ? 1 : 0);
    }

    std::set<unsigned> all_;
    std::set<unsigned> used_;
    std::map<unsigned, std::uint32_t> freed_;
};

} // namespace nat64::oracle
