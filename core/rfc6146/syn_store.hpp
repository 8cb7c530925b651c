// SPDX-License-Identifier: Apache-2.0
// RFC 6146 §3.5.2.2, CLOSED: TCP SYNs from the IPv4 side that nobody on the IPv6 side is known
// to want. They are kept for TCP_INCOMING_SYN (6 s), because both ends may be opening the same
// connection at once: then the client's own SYN claims the stored one. A stored SYN is the
// whole V4 INIT session of such a connection; the session table knows nothing of it, so that a
// repetition of the SYN cannot find a session and pass by it.
//
// Bounded as §5.3 demands: 256 SYNs of at most 2048 bytes, all memory reserved at the start.
// What becomes of a SYN that expires or is claimed is the caller's business. Single-threaded.
#pragma once

#include "core/clock.hpp"
#include "core/net/packet_buffer.hpp"
#include "core/net/transport.hpp"
#include "core/tables/lazy_array.hpp"
#include "core/tables/timer_ring.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

namespace nat64::rfc6146 {

class SynStore {
public:
    static constexpr std::size_t kCapacity = 256;
    static constexpr std::size_t kMaxBytes = 2048;

    SynStore();

    enum class Outcome : std::uint8_t { Stored, Repeated, Full };

    /// Copies the SYN that `server4` sent to `mapped4`, unless one like it is here already:
    /// that one's time is not extended.
    Outcome store(const Endpoint4& server4,
                  const Endpoint4& mapped4,
                  const PacketBuffer& packet,
                  Tick now) noexcept;

    /// The endpoint that a SYN of `server4` was sent to, if `wanted(mapped4)` accepts it.
    template <typename Wanted>
    [[nodiscard]] std::optional<Endpoint4> find(const Endpoint4& server4,
                                                Wanted&& wanted) const noexcept {
        if (count_ == 0) return std::nullopt;
        for (std::size_t i = 0; i < kCapacity; ++i)
            if (keys_[i] == key_of(server4) && wanted(entries_[i].mapped4))
                return entries_[i].mapped4;
        return std::nullopt;
    }

    /// Forgets the SYN that find() has found: somebody else has opened the connection.
    void forget(const Endpoint4& server4, const Endpoint4& mapped4) noexcept;

    /// Forgets all SYNs to `mapped4`; returns how many there were.
    std::size_t purge(const Endpoint4& mapped4) noexcept;

    /// Hands the oldest SYN to `expired(PacketBuffer&)` and forgets it, if it was stored so
    /// long ago that its `deadline(Tick)` is not after `now`. False when there was none.
    template <typename Deadline, typename Expired>
    bool expire_one(Tick now, Deadline&& deadline, Expired&& expired) noexcept {
        if (count_ == 0 || tables::before(now, deadline(entries_[oldest_].stored)))
            return false;
        const auto i = oldest_;
        auto packet = packet_of(i);
        expired(packet);
        forget(i);
        return true;
    }

    /// When the oldest SYN was stored.
    [[nodiscard]] std::optional<Tick> oldest() const noexcept {
        if (count_ == 0) return std::nullopt;
        return entries_[oldest_].stored;
    }

    [[nodiscard]] std::size_t size() const noexcept { return count_; }

private:
    static constexpr std::size_t kRoom = kHeadroom + kMaxBytes + kTailroom;
    static constexpr std::uint16_t kEnd = kCapacity;

    struct Entry {
        Endpoint4 mapped4;
        Tick stored;
        std::uint16_t older = kEnd;
        std::uint16_t newer = kEnd;
        std::uint16_t size = 0;
        Offload offload;
    };

    // Never 0, which marks a free entry.
    static std::uint64_t key_of(const Endpoint4& server4) noexcept {
        return std::uint64_t{1} << 63 | std::uint64_t{server4.address.bits()} << 16 |
               server4.port.value();
    }

    void forget(std::size_t i) noexcept;
    [[nodiscard]] PacketBuffer packet_of(std::size_t i) noexcept;

    std::array<std::uint64_t, kCapacity> keys_{}; ///< apart, so that a scan reads 2 KB
    std::array<Entry, kCapacity> entries_{};
    tables::LazyArray<std::byte> storage_;
    std::size_t count_ = 0;
    std::uint16_t oldest_ = kEnd;
    std::uint16_t newest_ = kEnd;
};

} // namespace nat64::rfc6146
