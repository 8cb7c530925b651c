// SPDX-License-Identifier: Apache-2.0
// A translator and all that belongs to it, small enough to be made anew for every input, in one
// of several configurations that a byte chooses: prefix length, filtering, hop policy, MTU,
// and which backend. Tables are small, so that inputs reach their limits.
#pragma once

#include "core/counters.hpp"
#include "core/napt_backend.hpp"
#include "core/random.hpp"
#include "core/translator.hpp"
#include "fuzz/script.hpp"
#include "tests/invariants/checked_path.hpp"

#include <cstdint>
#include <memory>
#include <vector>

namespace nat64::fuzz {

/// Bits of the choice. The prefix is 2001:db8:64::/n but for kWellKnown.
inline constexpr std::uint8_t kPrefixes = 7; ///< 0 and 7 are 64:ff9b::/96, 1 .. 6 lengths
inline constexpr std::uint8_t kKernel = 8;
inline constexpr std::uint8_t kAddressDependent = 16;
inline constexpr std::uint8_t kDecrement = 32;
inline constexpr std::uint8_t kSmallMtu = 64;
inline constexpr std::uint8_t kTightLimits = 128;

class World {
public:
    explicit World(std::uint8_t choice);

    /// Hands over each step's packet at its time, those without a pause between them as one
    /// batch. Throws oracle::Broken.
    void play(const Script& script);

    /// All that has left while playing.
    [[nodiscard]] const std::vector<test::Sent>& sent() const { return sent_; }

    /// The end of days: nothing may be left.
    void finish() { path_.finish(napt_); }

    [[nodiscard]] test::CheckedPath& path() { return path_; }

    [[nodiscard]] Clock::time_point now() const { return now_; }

    void pause(Clock::duration length) { now_ += length; }

    [[nodiscard]] const TranslatorSettings& settings() const { return settings_; }

private:
    [[nodiscard]] test::Bytes aimed(const Step& step) const;
    void hand_over();

    NaptSettings napt_;
    TranslatorSettings settings_;
    Counters counters_;
    Rng rng_;
    std::unique_ptr<NaptBackend> backend_;
    test::CheckedPath path_;
    Clock::time_point now_{std::chrono::hours{1}};
    std::vector<test::Handed> batch_;
    std::vector<test::Sent> sent_;
};

} // namespace nat64::fuzz
