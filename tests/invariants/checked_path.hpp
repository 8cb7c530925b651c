// SPDX-License-Identifier: Apache-2.0
// A Translator that is watched: packets in at times of the caller's choice, packets out, and
// after each one everything is checked that holds whatever the packets are. What is handed over
// right in itself must leave right in itself, down to the last checksum; what is not must at
// least leave as an IP packet that parses and has the length it says. Throws oracle::Broken.
#pragma once

#include "core/counters.hpp"
#include "core/napt_backend.hpp"
#include "core/translator.hpp"
#include "tests/support/check_packet.hpp"
#include "tests/support/memory_queue.hpp"

#include <cstdint>
#include <span>
#include <utility>
#include <vector>

namespace nat64::test {

/// A packet and what the device says about it.
struct Handed {
    Bytes bytes;
    Offload offload;
};

class CheckedPath final : private Emit {
public:
    /// All of them must outlive this.
    CheckedPath(const TranslatorSettings& settings,
                NaptBackend& backend,
                Counters& counters,
                Rng& rng);

    /// Runs the timers as the packet loop would, each when it is due, up to `now`.
    void advance(Clock::time_point now);

    /// advance(), then at most kMaxBatch packets of either side as one batch.
    void hand_over(std::span<const Handed> batch, Clock::time_point now);

    /// The same for one packet.
    void hand_over(View packet, const Offload& offload, Clock::time_point now);

    /// What has left since the last call.
    [[nodiscard]] std::vector<Sent> take() { return std::exchange(sent_, {}); }

    /// Turns the clock on until nothing can be left of what was handed over, and checks that
    /// nothing is.
    void finish(const NaptSettings& settings);

private:
    void packet(PacketBuffer& packet) noexcept override;
    void check_sent(bool strict);
    void expire();

    TranslatorSettings settings_;
    NaptBackend& backend_;
    Counters& counters_;
    Translator translator_;
    std::vector<Sent> fresh_;
    std::vector<Sent> sent_;
    std::uint64_t emitted_ = 0;
    /// All packets so far were right in themselves.
    bool all_right_ = true;
    /// One that was not finished may be quoted as long as it can be held.
    Quotes quotes_ = Quotes::Finished;
    Clock::time_point now_;
    Clock::time_point deadline_;
};

} // namespace nat64::test
