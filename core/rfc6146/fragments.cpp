// SPDX-License-Identifier: Apache-2.0
// Contexts live in a set-associative array under a keyed hash: a search looks at kWays of them
// and never further. They are also linked by age, which is the order in which they expire,
// since all have the same lifetime, and those of one source that are not complete once more
// by themselves. Held pieces are copies in fixed buffers, linked by offset.
#include "core/rfc6146/fragments.hpp"

#include "core/net/address.hpp"
#include "core/net/transport.hpp"
#include "core/verdict.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cassert>
#include <cstddef>
#include <cstring>
#include <span>

namespace nat64::rfc6146 {

namespace {

Ipv6Addr widened(Ipv4Addr a) noexcept {
    const auto bits = a.bits();
    Ipv6Addr::Bytes bytes{};
    for (unsigned i = 0; i < 4; ++i)
        bytes[i] = static_cast<std::uint8_t>(bits >> (24 - 8 * i));
    return Ipv6Addr{bytes};
}

std::uint64_t hash(const Secret& secret, const FragmentKey& key) noexcept {
    std::array<std::byte, 38> image{};
    std::memcpy(image.data(), key.source.bytes().data(), 16);
    std::memcpy(image.data() + 16, key.destination.bytes().data(), 16);
    std::memcpy(image.data() + 32, &key.identification, 4);
    image[36] = std::byte{key.protocol};
    image[37] = std::byte{static_cast<std::uint8_t>(key.family)};
    return siphash24(secret, image);
}

/// One source has a quarter.
constexpr std::size_t kShare = 4;

std::size_t rounded_buffer(Mtu largest) noexcept {
    return (kHeadroom + largest.bytes() + kTailroom + 63) / 64 * 64;
}

} // namespace

FragmentKey fragment_key(const PacketView& view) noexcept {
    FragmentKey key;
    key.identification = view.fragment_id;
    key.protocol = view.protocol;
    key.family = view.family;
    if (view.family == Family::V4) {
        key.source = widened(view.ipv4().source.value());
        key.destination = widened(view.ipv4().destination.value());
    } else {
        key.source = view.ipv6().source.value();
        key.destination = view.ipv6().destination.value();
    }
    return key;
}

FragmentTable::FragmentTable(const FragmentTableSize& size, Rng& rng)
    : secret_{rng.secret()},
      sets_{std::bit_ceil(std::max<std::size_t>(size.contexts, kWays) / kWays)},
      buffer_size_{rounded_buffer(size.largest)},
      contexts_(sets_ * kWays),
      shares_(contexts_.size()),
      most_contexts_{static_cast<std::uint32_t>(contexts_.size() / kShare)},
      most_pieces_{
          static_cast<std::uint32_t>(std::max<std::size_t>(size.buffers / kShare, kMaxPieces))},
      storage_{std::make_unique_for_overwrite<std::byte[]>(size.buffers * buffer_size_)},
      pieces_(size.buffers) {
    for (auto i = size.buffers; i-- > 0;) {
        pieces_[i].next = free_;
        free_ = static_cast<std::uint32_t>(i);
    }
}

std::uint32_t FragmentTable::index_of(const Context& context) const noexcept {
    return static_cast<std::uint32_t>(&context - contexts_.data());
}

FragmentTable::Context& FragmentTable::find_or_create(const FragmentKey& key,
                                                      Clock::time_point now) noexcept {
    const auto set = static_cast<std::size_t>(hash(secret_, key)) & (sets_ - 1);
    const auto places = std::span{contexts_}.subspan(set * kWays, kWays);
    for (auto& context : places)
        if (context.used && context.key == key) return context;
    const auto share = share_of(key);
    if (shares_[share].contexts >= most_contexts_)
        evicted_ += discard(contexts_[shares_[share].oldest]);
    // A free place, else that of a complete packet, of one of the same source, of the oldest.
    const auto rank = [share](const Context& c) {
        if (!c.used) return 3;
        if (c.complete) return 2;
        return c.share == share ? 1 : 0;
    };
    auto* room = &places[0];
    for (auto& context : places) {
        if (rank(context) > rank(*room) ||
            (rank(context) == rank(*room) && context.created < room->created))
            room = &context;
    }
    if (room->used) evicted_ += discard(*room);
    *room = Context{};
    room->key = key;
    room->created = now;
    room->older = youngest_;
    room->used = true;
    const auto index = index_of(*room);
    (youngest_ == kNone ? oldest_ : contexts_[youngest_].younger) = index;
    youngest_ = index;
    join_share(*room, share);
    return *room;
}

// ---- shares ----

/// The last 64 bits of an IPv6 address are its owner's choice; those of an IPv4 address in a
/// key are zero.
std::uint32_t FragmentTable::share_of(const FragmentKey& key) const noexcept {
    const auto network = key.source.high();
    const auto place = siphash24(secret_, std::as_bytes(std::span{&network, 1}));
    return static_cast<std::uint32_t>(place & (shares_.size() - 1));
}

void FragmentTable::join_share(Context& context, std::uint32_t number) noexcept {
    auto& share = shares_[number];
    const auto index = index_of(context);
    context.share = number;
    context.older_in_share = share.youngest;
    (share.youngest == kNone ? share.oldest : contexts_[share.youngest].younger_in_share) =
        index;
    share.youngest = index;
    ++share.contexts;
}

/// A packet that is complete takes nothing from others and is counted no more.
void FragmentTable::leave_share(Context& context) noexcept {
    if (context.share == kNone) return;
    auto& share = shares_[context.share];
    const auto older = context.older_in_share;
    const auto younger = context.younger_in_share;
    (older == kNone ? share.oldest : contexts_[older].younger_in_share) = younger;
    (younger == kNone ? share.youngest : contexts_[younger].older_in_share) = older;
    --share.contexts;
    share.pieces -= context.pieces;
    context.share = kNone;
}

/// As make_way(), among the packets of the comer's source.
void FragmentTable::make_way_in_share(const Context& comer) noexcept {
    auto index = shares_[comer.share].oldest;
    for (std::size_t i = 0; i < kWays && index != kNone; ++i) {
        auto& context = contexts_[index];
        if (&context == &comer) return;
        index = context.younger_in_share;
        if (context.pieces == 0) continue;
        evicted_ += discard(context);
        return;
    }
}

// ---- places ----

/// Gives up the oldest packet that holds pieces, looking at kWays packets at the most. Only
/// what is older than the comer makes way for it.
void FragmentTable::make_way(const Context& comer) noexcept {
    auto index = oldest_;
    for (std::size_t i = 0; i < kWays && index != kNone; ++i) {
        auto& context = contexts_[index];
        if (&context == &comer) return;
        index = context.younger;
        if (context.pieces == 0) continue;
        evicted_ += discard(context);
        return;
    }
}

void FragmentTable::unlink(Context& context) noexcept {
    (context.older == kNone ? oldest_ : contexts_[context.older].younger) = context.younger;
    (context.younger == kNone ? youngest_ : contexts_[context.younger].older) = context.older;
    leave_share(context);
    context.used = false;
}

void FragmentTable::note(Context& context, const PacketView& view) noexcept {
    context.seen_bytes += view.transport_length();
    if (!view.more_fragments)
        context.transport_length = view.fragment_offset + view.transport_length();
}

void FragmentTable::passed(Context& context, const PacketView& view) noexcept {
    note(context, view);
    context.complete =
        context.transport_length != 0 && context.seen_bytes >= context.transport_length;
    if (context.complete && context.pieces == 0) leave_share(context);
}

std::expected<void, DropReason> FragmentTable::hold(Context& context,
                                                    const PacketBuffer& packet,
                                                    const PacketView& view) noexcept {
    const auto size = view.bytes.size();
    if (full_share(context)) make_way_in_share(context);
    if (free_ == kNone) make_way(context);
    if (free_ == kNone || full_share(context) || context.pieces == kMaxPieces ||
        kHeadroom + size + kTailroom > buffer_size_)
        return std::unexpected{DropReason::FragmentLimit};

    const auto offset = view.fragment_offset;
    const auto end = offset + view.transport_length();
    auto* link = &context.first_piece;
    while (*link != kNone && pieces_[*link].offset < offset) {
        const auto& before = pieces_[*link];
        if (before.offset + before.length > offset)
            return std::unexpected{DropReason::FragmentOverlap};
        link = &pieces_[*link].next;
    }
    if (*link != kNone && pieces_[*link].offset < end) {
        const auto& after = pieces_[*link];
        const bool same = after.offset == offset && after.length == view.transport_length();
        return std::unexpected{same ? DropReason::FragmentDuplicate
                                    : DropReason::FragmentOverlap};
    }

    const auto index = free_;
    auto& piece = pieces_[index];
    free_ = piece.next;
    auto* start = storage_.get() + index * buffer_size_;
    std::memcpy(start + kHeadroom, packet.data(), size);
    piece.packet = PacketBuffer{{start, buffer_size_}, kHeadroom, size};
    piece.offset = offset;
    piece.length = view.transport_length();
    piece.next = *link;
    *link = index;
    ++context.pieces;
    if (context.share != kNone) ++shares_[context.share].pieces;
    note(context, view);
    return {};
}

bool FragmentTable::complete(const Context& context) const noexcept {
    if (context.transport_length == 0 || context.seen_bytes != context.transport_length)
        return false;
    std::uint32_t end = 0;
    for (auto i = context.first_piece; i != kNone; i = pieces_[i].next) {
        if (pieces_[i].offset != end) return false;
        end += pieces_[i].length;
    }
    return end == context.transport_length;
}

PacketBuffer* FragmentTable::take(Context& context) noexcept {
    const auto index = context.first_piece;
    if (index == kNone) return nullptr;
    context.first_piece = pieces_[index].next;
    --context.pieces;
    if (context.share != kNone) --shares_[context.share].pieces;
    return &pieces_[index].packet;
}

void FragmentTable::give_back(PacketBuffer& taken) noexcept {
    const auto bytes = std::bit_cast<std::uintptr_t>(&taken) -
                       std::bit_cast<std::uintptr_t>(&pieces_[0].packet);
    const auto index = bytes / sizeof(Piece);
    assert(index < pieces_.size() && &pieces_[index].packet == &taken);
    pieces_[index].next = free_;
    free_ = static_cast<std::uint32_t>(index);
}

unsigned FragmentTable::drop_pieces(Context& context) noexcept {
    unsigned count = 0;
    while (auto* piece = take(context)) {
        give_back(*piece);
        ++count;
    }
    return count;
}

unsigned FragmentTable::discard(Context& context) noexcept {
    assert(context.used);
    const auto count = drop_pieces(context);
    unlink(context);
    return count;
}

std::optional<unsigned> FragmentTable::expire_one(Clock::time_point now,
                                                  Clock::duration timeout) noexcept {
    if (next_deadline(timeout) > now) return std::nullopt;
    return discard(contexts_[oldest_]);
}

Clock::time_point FragmentTable::next_deadline(Clock::duration timeout) const noexcept {
    if (oldest_ == kNone) return Clock::time_point::max();
    return contexts_[oldest_].created + timeout;
}

} // namespace nat64::rfc6146
