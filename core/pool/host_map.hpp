// SPDX-License-Identifier: Apache-2.0
// The 1:1 map of napt: kernel: each IPv6 client stands behind one inner IPv4 address, first
// come. An address is where a hash of the client says, or the next free one, so a client that
// comes back, after an hour or after a restart, gets the one it had unless somebody took it.
//
// A host is given up when no flow of it can be left: every packet says until when the kernel
// may remember its flow, and the latest of these counts. An address that may still have flows
// of somebody unknown (what an earlier run left in conntrack) is held: until then only the
// client whose first choice it is gets it. Static hosts stay. Fixed memory (about 70 bytes an
// address with index and timer, paid when used), no search that a sender could lengthen.
// Single-threaded: the packet thread's. What packets mean for a flow is the backend's business.
#pragma once

#include "core/clock.hpp"
#include "core/napt_settings.hpp"
#include "core/net/address.hpp"
#include "core/net/transport.hpp"
#include "core/pool/client_table.hpp"
#include "core/pool/free_set.hpp"
#include "core/random.hpp"
#include "core/tables/bucket_index.hpp"
#include "core/tables/keyed_hash.hpp"
#include "core/tables/lazy_array.hpp"
#include "core/tables/timer_ring.hpp"
#include "core/verdict.hpp"

#include <bit>
#include <cstdint>
#include <expected>
#include <optional>
#include <span>
#include <string_view>

namespace nat64::pool {

struct Host {
    static constexpr std::uint8_t kUsed = 1;
    static constexpr std::uint8_t kStatic = 2;
    static constexpr std::uint8_t kHeld = 4;        ///< nobody's, and not free either
    static constexpr std::uint8_t kAnsweredTcp = 8; ///< a server has answered it by TCP

    Ipv6Addr client6;
    std::uint32_t generation = 0; ///< of the slot: grows whenever it changes hands
    std::uint32_t owner = 0;      ///< record of its client prefix
    Tick seen;                    ///< the latest packet
    Tick busy_until;              ///< no flow of it is left from here on; of a hold its end
    std::uint8_t flags = 0;
    L4Proto protocol{}; ///< of its first packet; counts of bindings are by protocol

    [[nodiscard]] bool has(std::uint8_t flag) const noexcept { return (flags & flag) != 0; }
};

class HostMap {
public:
    static constexpr std::uint32_t kNone = tables::BucketIndex::kNone;

    /// The first and last address of `pool` are not given out. `places` says where clients
    /// prefer to be: the same over restarts, and unknown to them. Throws std::length_error
    /// unless the prefix is a /8 to /30.
    HostMap(const Prefix4& pool, unsigned client_prefix, Rng& rng, const Secret& places = {});

    // ---- which address is whose ----

    [[nodiscard]] std::uint64_t hash(const Ipv6Addr& client6) const noexcept {
        const auto words = std::bit_cast<Ipv6Addr::Words>(client6.bytes());
        return hash_(words[0], words[1], 0);
    }

    void prefetch(std::uint64_t hash) const noexcept { index_.prefetch(hash); }

    void prefetch_host(std::uint32_t slot) const noexcept { __builtin_prefetch(&hosts_[slot]); }

    /// The slot that this client probably has, unconfirmed.
    [[nodiscard]] std::uint32_t candidate(std::uint64_t hash) const noexcept {
        return index_.candidate(hash);
    }

    /// The client's slot, or kNone.
    [[nodiscard]] std::uint32_t find(std::uint64_t hash,
                                     const Ipv6Addr& client6) const noexcept;

    /// Is this the client's slot? Any number may be asked about.
    [[nodiscard]] bool is(std::uint32_t slot, const Ipv6Addr& client6) const noexcept {
        return slot < slots() && hosts_[slot].has(Host::kUsed) &&
               hosts_[slot].client6 == client6;
    }

    /// The slot of an address that is in use, or kNone.
    [[nodiscard]] std::uint32_t find(Ipv4Addr inner4) const noexcept {
        const auto slot = slot_of(inner4);
        return slot != kNone && hosts_[slot].has(Host::kUsed) ? slot : kNone;
    }

    [[nodiscard]] const Prefix4& pool() const noexcept { return pool_; }

    [[nodiscard]] Ipv4Addr address(std::uint32_t slot) const noexcept {
        return Ipv4Addr{pool_.address().bits() + slot};
    }

    [[nodiscard]] Host& operator[](std::uint32_t slot) noexcept { return hosts_[slot]; }

    [[nodiscard]] const Host& operator[](std::uint32_t slot) const noexcept {
        return hosts_[slot];
    }

    // ---- coming and going ----

    /// Why obtain() would give this client, which has none, no address; nullopt if it would.
    [[nodiscard]] std::optional<DropReason> refusal(const Ipv6Addr& client6,
                                                    std::uint32_t limit) const noexcept;

    /// How many addresses the client has, which is a prefix of limits.client_prefix bits.
    [[nodiscard]] std::uint32_t addresses_of(const Ipv6Addr& client6) const noexcept;

    /// A slot for a client that has none. `limit` is how many a client prefix may have, 0 for
    /// any number.
    [[nodiscard]] std::expected<std::uint32_t, DropReason>
    obtain(std::uint64_t hash, const Ipv6Addr& client6, std::uint32_t limit, Tick now) noexcept;

    /// Gives this client this address, or says what stands against it. Asking for what is so
    /// already changes nothing but that kStatic may be added through `flags`.
    [[nodiscard]] std::expected<std::uint32_t, std::string_view>
    place(const Ipv6Addr& client6, Ipv4Addr inner4, std::uint8_t flags, Tick now) noexcept;

    /// A static host is an ordinary one from now on, whose time ends at `busy_until`.
    void make_dynamic(std::uint32_t slot, Tick busy_until) noexcept;

    /// Takes an unused address out of circulation for good.
    void reserve(Ipv4Addr inner4) noexcept;

    /// Holds an unused address until `until`; whoever gets it before has it at least as long.
    void hold(Ipv4Addr inner4, Tick until) noexcept;

    /// Holds an address longer, if it is held.
    void extend_hold(Ipv4Addr inner4, Tick until) noexcept;

    [[nodiscard]] bool is_held(Ipv4Addr inner4) const noexcept {
        const auto slot = slot_of(inner4);
        return slot != kNone && hosts_[slot].has(Host::kHeld);
    }

    /// Ends a host, a static one too.
    void release(std::uint32_t slot) noexcept;

    /// Up to slots.size() slots whose time may have come: each is to be released or kept.
    /// Holds are dealt with here, and count.
    std::size_t take_due(Tick now, std::span<std::uint32_t> slots) noexcept;

    /// Puts a slot that take_due() gave back under the timer.
    void keep(std::uint32_t slot) noexcept { timers_.link(slot, hosts_[slot].busy_until); }

    [[nodiscard]] std::optional<Tick> next_due() const noexcept { return timers_.next(); }

    // ---- for readers ----

    [[nodiscard]] std::uint32_t slots() const noexcept {
        return static_cast<std::uint32_t>(hosts_.size());
    }

    /// Addresses that may be given out at all.
    [[nodiscard]] std::uint32_t capacity() const noexcept { return capacity_; }

    [[nodiscard]] std::uint32_t used() const noexcept { return used_; }

    [[nodiscard]] std::uint32_t held() const noexcept { return held_; }

    /// Client prefixes that have hosts; hosts themselves if a client is one address.
    [[nodiscard]] std::uint32_t clients() const noexcept {
        return clients_ ? clients_->size() : used_;
    }

private:
    [[nodiscard]] std::uint32_t preferred(const Ipv6Addr& client6) const noexcept;
    [[nodiscard]] std::optional<std::uint32_t> choose(const Ipv6Addr& client6) const noexcept;

    [[nodiscard]] std::uint32_t slot_of(Ipv4Addr inner4) const noexcept {
        return pool_.contains(inner4) ? inner4.bits() - pool_.address().bits() : kNone;
    }

    [[nodiscard]] bool
    begin(std::uint32_t slot, std::uint64_t hash, const Ipv6Addr& client6, Tick now) noexcept;
    void end_hold(std::uint32_t slot) noexcept;

    Prefix4 pool_;
    Secret places_;
    tables::KeyedHash hash_;
    tables::BucketIndex index_;
    tables::LazyArray<Host> hosts_;
    tables::TimerRing timers_;
    FreeSet free_;
    /// Only where a client is more than one address.
    std::optional<ClientTable> clients_;
    std::uint32_t capacity_ = 0;
    std::uint32_t used_ = 0;
    std::uint32_t held_ = 0;
};

} // namespace nat64::pool
