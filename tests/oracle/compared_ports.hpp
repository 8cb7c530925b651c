// SPDX-License-Identifier: Apache-2.0
// The ports of one address beside NaivePorts: each step allocates, releases or takes one, or
// fills the set up, and time passes. Choices come from a seeded generator or a fuzzer.
#pragma once

#include "core/pool/port_set.hpp"
#include "core/tables/lazy_array.hpp"
#include "tests/oracle/expect.hpp"
#include "tests/oracle/naive_ports.hpp"

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace nat64::oracle {

class ComparedPorts {
public:
    ComparedPorts(L4Proto protocol, const Rng& rng) : rng_{rng}, protocol_{protocol} {}

    template <typename Source>
    void step(Source& source) {
        if (live_.empty() || source.one_in(3))
            allocate(Port{static_cast<std::uint16_t>(source.between(0, 2047))});
        else if (!source.one_in(20))
            release(source.between(0, live_.size() - 1));
        if (source.one_in(200)) fill();
        expect(set().used() == live_.size(), "number of ports in use");
        pass(static_cast<std::uint32_t>(source.one_in(100) ? source.between(0, 3000)
                                                           : source.between(0, 30)));
    }

private:
    pool::PortSet& set() { return sets_[0]; }

    bool allocate(Port client) {
        const auto port = set().allocate(mask_, protocol_, client, now_, rng_);
        expect_none(naive_.judge(protocol_, client, port, now_));
        if (port) live_.push_back(*port);
        return port.has_value();
    }

    void release(std::size_t at) {
        std::swap(live_[at], live_.back());
        expect(set().in_use(live_.back()), "a port in use");
        set().release(mask_, live_.back(), now_);
        naive_.release(live_.back(), now_);
        live_.pop_back();
    }

    /// Until none is left, or nearly.
    void fill() {
        while (live_.size() < 250 && allocate(Port{1})) {
        }
    }

    void pass(std::uint32_t ticks) { now_ = Tick{now_.count() + ticks}; }

    const std::vector<PortRange> ranges_{{Port{900}, Port{1150}}, {Port{1160}, Port{1161}}};
    pool::PortMask mask_{ranges_};
    tables::LazyArray<pool::PortSet> sets_{1};
    NaivePorts naive_{ranges_};
    Rng rng_;
    L4Proto protocol_;
    Tick now_{100'000};
    std::vector<Port> live_;
};

} // namespace nat64::oracle
