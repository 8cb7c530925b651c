// SPDX-License-Identifier: Apache-2.0
// The whole data path of the daemon, backend and translator, on a clock that somebody else
// turns: packets in at times of the caller's choice, packets out with the times at which they
// left, timers firing in between as they would. No device, no privileges, the same for every
// run with the same seed.
#pragma once

#include "config/config.hpp"
#include "core/counters.hpp"
#include "core/napt_backend.hpp"
#include "core/random.hpp"
#include "core/translator.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

namespace nat64::cli {

class VirtualPath final : public Emit {
public:
    /// A packet that left, and when, counted from the path's beginning.
    using Sink = std::function<void(PacketBuffer& packet, Clock::duration time)>;

    VirtualPath(const config::Config& config, std::uint64_t seed, Sink sink);

    /// Runs the timers that are due by then, in order. A time before the last one is the last
    /// one: the clock does not run back.
    void advance(Clock::duration time);

    /// advance(), then one IP packet of either side.
    void
    packet_in(std::span<const std::byte> packet, const Offload& offload, Clock::duration time);

    [[nodiscard]] const Counters& counters() const noexcept { return counters_; }

    /// How far the clock has been turned.
    [[nodiscard]] Clock::duration time() const noexcept { return now_ - kStart; }

    void packet(PacketBuffer& packet) noexcept override;

private:
    /// Not the clock's zero, where a time that was never set would look like one that was.
    static constexpr Clock::time_point kStart{std::chrono::hours{1}};

    void expire() { deadline_ = translator_.expire(now_, Budget{}, *this); }

    Sink sink_;
    Counters counters_;
    Rng rng_;
    std::unique_ptr<NaptBackend> backend_;
    Translator translator_;
    std::vector<std::byte> storage_;
    Clock::time_point now_ = kStart;
    Clock::time_point deadline_ = kStart;
};

} // namespace nat64::cli
