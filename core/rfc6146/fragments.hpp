// SPDX-License-Identifier: Apache-2.0
// RFC 6146 §3.4 on fragments: they may come in any order, in bounded memory, and only the
// first one carries the ports. A context remembers, for one fragmented packet, what its first
// fragment was decided to become; pieces that come before that are held. Two kinds of packet
// are held until all pieces are there, because their checksum needs the whole: ICMP queries
// (the ICMPv6 pseudo-header holds the total length) and UDP without checksum (RFC 7915 §4.5).
// Pieces are never reassembled: each leaves as a fragment of its own.
//
// This file stores and finds; what a piece is translated to is core/translator's business.
// Memory is fixed at construction, every search is bounded. When there is no room the oldest
// makes way: pieces that are really on their way meet within milliseconds, a flood of orphans
// does not. One source, an IPv6 /64 or an IPv4 address, has a quarter of the room; beyond that
// it is its own oldest that makes way. Single-threaded.
#pragma once

#include "core/clock.hpp"
#include "core/net/packet_buffer.hpp"
#include "core/net/packet_view.hpp"
#include "core/random.hpp"
#include "core/rfc7915/rfc7915.hpp"

#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <utility>
#include <variant>
#include <vector>

namespace nat64::rfc6146 {

/// What identifies the packet a fragment belongs to (RFC 791 §2.3, RFC 8200 §4.5). IPv4
/// addresses are in the first four bytes.
struct FragmentKey {
    Ipv6Addr source;
    Ipv6Addr destination;
    std::uint32_t identification = 0;
    std::uint8_t protocol = 0;
    Family family = Family::V4;

    friend bool operator==(const FragmentKey&, const FragmentKey&) = default;
};

[[nodiscard]] FragmentKey fragment_key(const PacketView& view) noexcept;

/// The first fragment has not come yet.
struct Undecided {};

/// The pieces are held until all are there.
struct Collecting {};

/// The first fragment was dropped; the others go the same way.
struct Refused {};

using FragmentDecision =
    std::variant<Undecided, Collecting, Refused, rfc7915::Outgoing4, rfc7915::Outgoing6>;

struct FragmentTableSize {
    std::size_t contexts = 4096; ///< fragmented packets under way at a time
    std::size_t buffers = 1024;  ///< pieces held at a time
    Mtu largest{1500};           ///< of a piece that can be held
};

class FragmentTable {
public:
    /// The most pieces of one packet that are held: 64 of 1280 bytes are more than 65535.
    static constexpr unsigned kMaxPieces = 64;

    struct Context {
        FragmentKey key;
        FragmentDecision decision;
        Clock::time_point created;
        std::uint32_t first_piece = kNone; ///< held pieces, sorted by offset
        std::uint32_t older = kNone;       ///< list of all contexts by age
        std::uint32_t younger = kNone;
        std::uint32_t share = kNone; ///< its source's; kNone if it is not counted any more
        std::uint32_t older_in_share = kNone;
        std::uint32_t younger_in_share = kNone;
        std::uint32_t seen_bytes = 0; ///< transport bytes of all pieces so far
        std::uint32_t transport_length =
            0; ///< of the whole packet; 0 until its last piece came
        std::uint8_t pieces = 0;
        bool used = false;
        bool complete = false; ///< all pieces passed, unless some came twice: may make way
    };

    FragmentTable(const FragmentTableSize& size, Rng& rng);

    /// The context of this packet, made if there is none, perhaps in another one's place.
    [[nodiscard]] Context& find_or_create(const FragmentKey& key,
                                          Clock::time_point now) noexcept;

    /// Notes a piece that is passed on at once. The context of a packet that seems complete
    /// stays until it expires or makes way, since a duplicate may have been taken for a
    /// missing piece.
    void passed(Context& context, const PacketView& view) noexcept;

    /// Keeps a copy of a piece. FragmentOverlap if it overlaps another held one (RFC 5722: the
    /// caller gives up the whole packet), FragmentDuplicate if it is held already,
    /// FragmentLimit if there is no room.
    [[nodiscard]] std::expected<void, DropReason>
    hold(Context& context, const PacketBuffer& packet, const PacketView& view) noexcept;

    /// All pieces of the packet are held.
    [[nodiscard]] bool complete(const Context& context) const noexcept;

    /// Takes the piece with the lowest offset out of the context; the buffer is the caller's
    /// until give_back(). nullptr when none is left.
    [[nodiscard]] PacketBuffer* take(Context& context) noexcept;
    void give_back(PacketBuffer& taken) noexcept;

    /// Takes and gives back all pieces; returns how many there were.
    unsigned drop_pieces(Context& context) noexcept;

    /// The held pieces in order of their offsets, without taking them: for checksums.
    template <typename Visit>
    void for_each(const Context& context, Visit&& visit) noexcept {
        for (auto i = context.first_piece; i != kNone; i = pieces_[i].next)
            visit(pieces_[i].packet);
    }

    /// Pieces that had to make way since the last call.
    [[nodiscard]] unsigned take_evicted() noexcept { return std::exchange(evicted_, 0U); }

    /// Frees a context; returns how many held pieces went with it.
    unsigned discard(Context& context) noexcept;

    /// Frees the oldest context if it is older than `timeout`. Returns how many pieces it
    /// held, or nullopt if it is not due yet.
    [[nodiscard]] std::optional<unsigned> expire_one(Clock::time_point now,
                                                     Clock::duration timeout) noexcept;

    /// When the oldest context is due; time_point::max() when there is none.
    [[nodiscard]] Clock::time_point next_deadline(Clock::duration timeout) const noexcept;

private:
    static constexpr std::uint32_t kNone = 0xffffffff;
    static constexpr std::size_t kWays = 8;

    struct Piece {
        PacketBuffer packet; ///< first member: give_back() finds the piece by it
        std::uint32_t next = kNone;
        std::uint16_t offset = 0;
        std::uint32_t length = 0;
    };

    /// What one source has. Sources are told apart by a hash: two of them may share one.
    struct Share {
        std::uint32_t oldest = kNone;
        std::uint32_t youngest = kNone;
        std::uint32_t contexts = 0;
        std::uint32_t pieces = 0;
    };

    [[nodiscard]] std::uint32_t index_of(const Context& context) const noexcept;
    [[nodiscard]] std::uint32_t share_of(const FragmentKey& key) const noexcept;
    void join_share(Context& context, std::uint32_t share) noexcept;
    void leave_share(Context& context) noexcept;
    void unlink(Context& context) noexcept;

    [[nodiscard]] bool full_share(const Context& context) const noexcept {
        return context.share != kNone && shares_[context.share].pieces >= most_pieces_;
    }

    void make_way(const Context& comer) noexcept;
    void make_way_in_share(const Context& comer) noexcept;
    void note(Context& context, const PacketView& view) noexcept;

    Secret secret_;
    std::size_t sets_;
    std::size_t buffer_size_;
    std::vector<Context> contexts_;
    std::vector<Share> shares_;
    std::uint32_t most_contexts_; ///< of one share
    std::uint32_t most_pieces_;   ///< of one share
    std::unique_ptr<std::byte[]> storage_;
    std::vector<Piece> pieces_;
    std::uint32_t free_ = kNone;
    std::uint32_t oldest_ = kNone;
    std::uint32_t youngest_ = kNone;
    unsigned evicted_ = 0;
};

} // namespace nat64::rfc6146
