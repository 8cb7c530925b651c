// SPDX-License-Identifier: Apache-2.0
// The ports (or ICMP identifiers) of one pool address for one protocol: which are in use,
// which were freed a short while ago and are held back (RFC 6888 §3 REQ-8), and how a new one
// is chosen: at random among those that are free (RFC 6056), of the client port's range and
// parity where there are any (RFC 4787 §4.2.1, §4.2.2), of another one before none.
//
// Bitmaps are kept apart by parity, so that range and parity select a run of whole words; a
// summary of the words without a free bit bounds every search to ten steps. All zero is the
// state of a set that is wholly free. Which ports exist at all is a PortMask, shared by the
// addresses with equal ranges. Single-threaded.
#pragma once

#include "core/clock.hpp"
#include "core/net/transport.hpp"
#include "core/random.hpp"

#include <array>
#include <cstdint>
#include <optional>
#include <span>

namespace nat64::pool {

/// 32768 ports of one parity, one bit each.
using PortPlane = std::array<std::uint64_t, 512>;
/// One bit for each word of a plane.
using PlaneSummary = std::array<std::uint64_t, 8>;

/// The ports that may be given out.
class PortMask {
public:
    explicit PortMask(std::span<const PortRange> ranges) noexcept;

    [[nodiscard]] bool contains(Port port) const noexcept;

    [[nodiscard]] std::uint32_t count() const noexcept { return count_; }

    friend bool operator==(const PortMask&, const PortMask&) noexcept = default;

private:
    friend class PortSet;
    std::array<PortPlane, 2> allowed_{};
    std::array<PlaneSummary, 2> nonempty_{};
    std::uint32_t count_ = 0;
};

class PortSet {
public:
    /// RFC 6888 §3 REQ-8: "at least 120 seconds". Freed ports are kept in two generations, so
    /// it is up to twice as long.
    static constexpr std::uint32_t kHoldBack = Tick::ceil_count(std::chrono::seconds{120});

    /// A free port for a client that uses `client` itself. For TCP, which may reuse a port at
    /// once (RFC 6888 §3 REQ-8 A), ports that are held back are taken when nothing else is
    /// left.
    [[nodiscard]] std::optional<Port>
    allocate(const PortMask& mask, L4Proto protocol, Port client, Tick now, Rng& rng) noexcept;

    /// Takes this very port, held back or not, in the mask or not. False if it is in use.
    [[nodiscard]] bool take(const PortMask& mask, Port port) noexcept;

    /// `port` must be in use.
    void release(const PortMask& mask, Port port, Tick now) noexcept;

    [[nodiscard]] bool in_use(Port port) const noexcept;

    /// Asks memory for what allocate() will touch next, and tells about which port that will
    /// be: for the same purpose only.
    [[nodiscard]] Port prefetch_allocate() const noexcept;

    void prefetch_release(Port port) const noexcept;

    [[nodiscard]] std::uint32_t used() const noexcept { return used_count_; }

    [[nodiscard]] std::uint32_t held_back(Tick now) const noexcept;

private:
    struct Held {
        std::array<PortPlane, 2> planes{};
        std::uint32_t count = 0;
    };

    [[nodiscard]] std::uint64_t
    available(const PortMask& mask, unsigned parity, std::size_t word) const noexcept {
        return mask.allowed_[parity][word] & ~unavailable_[parity][word];
    }

    [[nodiscard]] std::optional<Port> search(const PortMask& mask,
                                             unsigned parity,
                                             std::size_t first,
                                             std::size_t words,
                                             std::uint64_t random) const noexcept;
    [[nodiscard]] std::optional<Port> pick(const PortMask& mask,
                                           L4Proto protocol,
                                           Port client,
                                           std::uint64_t random) const noexcept;
    void update_summary(const PortMask& mask, unsigned parity, std::size_t word) noexcept;
    void forget(const PortMask& mask, Held& held) noexcept;
    void age(const PortMask& mask, Tick now) noexcept;

    [[nodiscard]] bool exhausted(const PortMask& mask) const noexcept {
        return used_count_ + held_[0].count + held_[1].count >= mask.count();
    }

    std::array<PortPlane, 2> unavailable_{}; ///< in use or held back
    std::array<Held, 2> held_{};
    std::array<PlaneSummary, 2> full_{}; ///< words without an available port
    std::uint32_t used_count_ = 0;       ///< of the ports in the mask
    std::uint32_t young_ = 0;            ///< the generation that freed ports join
    Tick aged_;                          ///< when the generations last changed places
    std::uint64_t planned_ = 0; ///< the random number of the next choice; 0: not drawn yet
};

} // namespace nat64::pool
