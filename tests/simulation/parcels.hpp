// SPDX-License-Identifier: Apache-2.0
// Packets that travel in pieces, or that the translator has to cut: what was sent of each,
// what has come out, and whether that makes the packet again (RFC 791 §3.2, RFC 8200 §4.5). A
// parcel's number is its IP identification, the same on both sides, and is in its payload too.
#pragma once

#include "core/clock.hpp"
#include "tests/simulation/shipment.hpp"
#include "tests/support/bytes.hpp"

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

namespace nat64::simulation {

struct Parcel {
    Shipment shipment;
    test::Bytes payload;
    std::vector<test::Bytes> pieces; ///< as they are sent
    std::vector<bool> sent;
    /// Nothing leaves before all pieces are there, since the checksum needs the whole.
    bool needs_whole = false;
    Clock::time_point first{};    ///< when the first piece was sent
    Clock::duration patience{};   ///< how long the others may take
    std::uint64_t made_way = 0;   ///< pieces of others that had been given up by then
    bool required = false;        ///< it has a session: all that is sent in time must arrive
    bool repeated = false;        ///< some pieces were sent twice
    std::optional<Arrival> begun; ///< its first piece has come out there
    std::vector<test::Bytes> arrived;
    bool whole = false;

    [[nodiscard]] bool all_sent() const;

    /// This piece decides what becomes of the packet.
    [[nodiscard]] bool decides(std::size_t piece) const;

    /// A piece has come out. Returns what is wrong; sets `whole` when nothing is missing.
    [[nodiscard]] std::string take(test::View bytes);
};

class Parcels {
public:
    /// Those whose last piece has been sent long ago are forgotten.
    Parcel& add(std::uint16_t number, Parcel parcel, Clock::time_point now);

    [[nodiscard]] std::uint16_t next_number() { return ++latest_; }

    [[nodiscard]] Parcel* find(std::uint32_t number);

private:
    std::unordered_map<std::uint32_t, Parcel> parcels_;
    std::deque<std::pair<Clock::time_point, std::uint32_t>> ages_;
    std::uint16_t latest_ = 0;
};

/// An upper bound for what a translator may hold back: each thing for a while and no longer.
class Holding {
public:
    void add(Clock::time_point now) { since_.push_back(now); }

    /// How many there can be of those that are held for so long.
    [[nodiscard]] std::size_t most(Clock::time_point now, Clock::duration lasting) {
        while (!since_.empty() && since_.front() + lasting < now)
            since_.pop_front();
        return since_.size();
    }

private:
    std::deque<Clock::time_point> since_;
};

} // namespace nat64::simulation
