// SPDX-License-Identifier: Apache-2.0
// The Binding Information Bases of RFC 6146 §3.1: which IPv6 transport address is which IPv4
// transport address, for each of the three protocols, findable from both sides. A binding is
// one cache line with its first session in it, because most bindings have one session. From
// the IPv6 side it is found by a keyed hash, from the IPv4 side by an array over the ports of
// each pool address, without any hash.
//
// Slots are found, made and erased here; what a session is about, timers, ports and limits are
// not known here. Further sessions: session_table.hpp. Single-threaded.
#pragma once

#include "core/clock.hpp"
#include "core/net/transport.hpp"
#include "core/random.hpp"
#include "core/rfc6146/tcp_state.hpp"
#include "core/tables/bucket_index.hpp"
#include "core/tables/keyed_hash.hpp"
#include "core/tables/lazy_array.hpp"

#include <cstddef>
#include <cstdint>

namespace nat64::rfc6146 {

/// No slot, no session, no client.
inline constexpr std::uint32_t kNone = tables::BucketIndex::kNone;

/// One session (RFC 6146 §3.2): the remote transport address, all else is the binding's. For
/// ICMP server4.port is 0: the identifier is the binding's too.
struct Session { // NOLINT(cppcoreguidelines-pro-type-member-init): zeroed memory
    Ipv4Addr server;
    Port server_port;
    SessionState state;
    Lifetime lifetime : 4;
    Side opener : 1;         ///< who has sent its first packet
    bool half_open : 1;      ///< counted as such: TCP, unanswered
    bool partially_open : 1; ///< TCP: the opener has yet to acknowledge the answer
    Tick refreshed;          ///< when the lifetime was last set; not each packet does
    std::uint32_t next;      ///< the next further session of the binding, or kNone
    std::uint64_t packets;
    std::uint64_t bytes;

    [[nodiscard]] Endpoint4 server4() const noexcept { return {server, server_port}; }
};

// NOLINTNEXTLINE(cppcoreguidelines-pro-type-member-init): zeroed memory
struct alignas(64) BindingSlot {
    static constexpr std::uint8_t kUsed = 1;      ///< the slot holds a binding
    static constexpr std::uint8_t kStatic = 2;    ///< configured; outlives its sessions
    static constexpr std::uint8_t kWholeHost = 4; ///< of a whole-host static: its port is not
                                                  ///< the pool's
    static constexpr std::uint8_t kSession = 8;   ///< `first` is a session
    static constexpr std::uint8_t kSpent = 16;    ///< `first` was one and is gone

    Endpoint6 client6;
    Port mapped_port;
    std::uint16_t address; ///< AddressIndex of the pool
    L4Proto protocol;
    std::uint8_t flags;
    std::uint32_t owner;      ///< in the client table; the next free slot when unused
    std::uint32_t generation; ///< of this binding and of `first`: they begin together
    Session first;

    [[nodiscard]] bool has(std::uint8_t flag) const noexcept { return (flags & flag) != 0; }
};

static_assert(sizeof(Session) == 32 && sizeof(BindingSlot) == 64);

class Bib {
public:
    /// Room for `capacity` bindings onto `addresses` pool addresses.
    Bib(std::size_t capacity, std::size_t addresses, Rng& rng);

    [[nodiscard]] std::uint64_t hash(L4Proto protocol,
                                     const Endpoint6& client6) const noexcept {
        return hash_(client6.address.high(),
                     client6.address.low(),
                     static_cast<std::uint64_t>(protocol) << 16 | client6.port.value());
    }

    void prefetch_client(std::uint64_t hash) const noexcept { by_client_.prefetch(hash); }

    void prefetch_mapped(std::uint16_t address, L4Proto protocol, Port port) const noexcept {
        __builtin_prefetch(&by_mapped_.at(address, cell(protocol, port)));
    }

    void prefetch_slot(std::uint32_t slot) const noexcept { __builtin_prefetch(&slots_[slot]); }

    /// A slot that is probably this client's; kNone if it surely has none.
    [[nodiscard]] std::uint32_t candidate(std::uint64_t hash) const noexcept {
        return by_client_.candidate(hash);
    }

    [[nodiscard]] bool
    is(std::uint32_t slot, L4Proto protocol, const Endpoint6& client6) const noexcept {
        const auto& s = slots_[slot];
        return s.client6 == client6 && s.protocol == protocol && s.has(BindingSlot::kUsed);
    }

    /// The binding of an IPv6 transport address, kNone if there is none. `hash` is hash() of
    /// the same.
    [[nodiscard]] std::uint32_t
    find_client(std::uint64_t hash, L4Proto protocol, const Endpoint6& client6) const noexcept {
        return by_client_.find(hash,
                               [&](std::uint32_t slot) { return is(slot, protocol, client6); });
    }

    /// The binding of an IPv4 transport address.
    [[nodiscard]] std::uint32_t
    find_mapped(std::uint16_t address, L4Proto protocol, Port port) const noexcept {
        return by_mapped_.at(address, cell(protocol, port)) - 1;
    }

    /// A new binding without session. Neither transport address may be bound yet. kNone when
    /// there is no room.
    [[nodiscard]] std::uint32_t insert(std::uint64_t hash,
                                       L4Proto protocol,
                                       const Endpoint6& client6,
                                       std::uint16_t address,
                                       Port mapped_port) noexcept;

    void erase(std::uint32_t slot) noexcept;

    [[nodiscard]] BindingSlot& operator[](std::uint32_t slot) noexcept { return slots_[slot]; }

    [[nodiscard]] const BindingSlot& operator[](std::uint32_t slot) const noexcept {
        return slots_[slot];
    }

    [[nodiscard]] std::size_t capacity() const noexcept { return slots_.size(); }

    /// All slots that were ever used are below this one.
    [[nodiscard]] std::uint32_t high_water() const noexcept { return fresh_; }

    [[nodiscard]] std::uint32_t size() const noexcept { return size_; }

private:
    static constexpr std::size_t kCells = std::size_t{kL4ProtoCount} * 65536;

    static std::size_t cell(L4Proto protocol, Port port) noexcept {
        return static_cast<std::size_t>(protocol) << 16 | port.value();
    }

    tables::KeyedHash hash_;
    tables::LazyArray<BindingSlot> slots_;
    tables::BucketIndex by_client_;
    tables::ChunkedArray<std::uint32_t, kCells> by_mapped_; ///< slot + 1
    std::uint32_t free_ = kNone;                            ///< a list through owner
    std::uint32_t fresh_ = 0;
    std::uint32_t size_ = 0;
};

} // namespace nat64::rfc6146
