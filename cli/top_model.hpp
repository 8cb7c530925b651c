// SPDX-License-Identifier: Apache-2.0
// From samples to what moves: rates between two of them, their history for the graphs, drop
// reasons by how much they drop now. Knows when the daemon it watches is another one than
// before, whose counters begin anew. Pure: time is in the samples.
#pragma once

#include "cli/top_sample.hpp"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <vector>

namespace nat64::cli {

/// Per second.
struct Rates {
    double outbound_packets = 0;
    double outbound_bits = 0;
    double inbound_packets = 0;
    double inbound_bits = 0;
    double begun = 0; ///< sessions; with the kernel's NAPT clients
    double dropped = 0;
};

struct DropRate {
    DropTotal total;
    double rate = 0; ///< packets a second
};

/// The last values of one rate, oldest first.
class History {
public:
    static constexpr std::size_t kLongest = 1024;

    void push(double value);

    void clear() { values_.clear(); }

    [[nodiscard]] const std::deque<double>& values() const { return values_; }

    [[nodiscard]] double peak() const;

private:
    std::deque<double> values_;
};

class TopModel {
public:
    /// A whole answer of the daemon.
    void take(Sample sample);

    /// There is no daemon, and why. What was known stays.
    void lose(std::string why) { lost_ = std::move(why); }

    /// Empty while the daemon answers.
    [[nodiscard]] const std::string& lost() const { return lost_; }

    /// nullptr before the first answer.
    [[nodiscard]] const Sample* sample() const { return sample_ ? &*sample_ : nullptr; }

    /// None before the second answer of this daemon.
    [[nodiscard]] const std::optional<Rates>& rates() const { return rates_; }

    /// Those that drop now first, then those that have dropped most.
    [[nodiscard]] const std::vector<DropRate>& drops() const { return drops_; }

    [[nodiscard]] const History& outbound() const { return outbound_; }

    [[nodiscard]] const History& inbound() const { return inbound_; }

    [[nodiscard]] const History& begun() const { return begun_; }

private:
    void compare(const Sample& before, const Sample& now, double seconds);

    std::optional<Sample> sample_;
    std::optional<Rates> rates_;
    std::vector<DropRate> drops_;
    History outbound_; ///< bits a second
    History inbound_;
    History begun_;
    std::string lost_ = "not connected yet";
};

} // namespace nat64::cli
