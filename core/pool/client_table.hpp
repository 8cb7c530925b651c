// SPDX-License-Identifier: Apache-2.0
// What is known of each client that has bindings, a client being an IPv6 prefix of
// limits.client_prefix bits: its home address in the pool, what it holds, and its token bucket
// for new sessions (RFC 6888 §3 REQ-4: limits per subscriber). Sessions that the IPv4 side has
// opened are counted apart: outsiders must not use up what is the client's. Records live as
// long as their bindings, 52 bytes each. The limits themselves are passed in, because they may
// change; who counts what and when is the backend's business. Single-threaded.
#pragma once

#include "core/clock.hpp"
#include "core/napt_settings.hpp"
#include "core/net/address.hpp"
#include "core/pool/token_bucket.hpp"
#include "core/random.hpp"
#include "core/refusal.hpp"
#include "core/tables/bucket_index.hpp"
#include "core/tables/keyed_hash.hpp"
#include "core/tables/lazy_array.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>

namespace nat64::pool {

/// Sessions by who has opened them.
struct Opened {
    std::uint32_t sessions = 0;
    std::uint32_t half_open = 0; ///< TCP sessions in V6 INIT or V4 INIT that nobody has refused
};

struct Client {
    Ipv6Addr prefix;
    std::uint32_t bindings = 0; ///< the record goes with the last one
    std::uint32_t ports = 0;    ///< bindings that hold a port of the pool
    Opened own;                 ///< by the client
    Opened inbound;             ///< by the IPv4 side
    TokenBucket bucket;         ///< limits.new_sessions_per_second
    std::uint16_t home = 0;     ///< AddressIndex, if has_home
    bool has_home = false;
    bool in_use = false; ///< not free, not fresh
};

static_assert(sizeof(Client) == 52);

/// What all clients hold together, for the limits in all.
struct Totals {
    std::uint32_t half_open = 0;         ///< opened by clients
    std::uint32_t inbound_half_open = 0; ///< by the IPv4 side
    TokenBucket bucket{};                ///< limits.new_sessions_per_second_in_all
};

/// What a new session would use of the limits.
struct Demand {
    bool port = false;
    bool half_open = false;
    bool inbound = false; ///< the IPv4 side opens it
};

class ClientTable {
public:
    static constexpr std::uint32_t kNone = tables::BucketIndex::kNone;

    /// Records for `capacity` clients whose prefixes are `prefix_length` long.
    ClientTable(std::size_t capacity, unsigned prefix_length, Rng& rng);

    [[nodiscard]] std::uint64_t hash(const Ipv6Addr& client6) const noexcept;

    /// The record of this client, or kNone.
    [[nodiscard]] std::uint32_t find(const Ipv6Addr& client6) const noexcept;

    void prefetch(std::uint64_t hash) const noexcept { index_.prefetch(hash); }

    void prefetch_record(std::uint32_t id) const noexcept { __builtin_prefetch(&records_[id]); }

    /// The record of this client, made if there is none; kNone when the table is full. A
    /// record that gets no binding must be given back with drop_if_idle().
    [[nodiscard]] std::uint32_t obtain(const Ipv6Addr& client6,
                                       std::uint64_t hash,
                                       const Limits& limits,
                                       Tick now) noexcept;

    void drop_if_idle(std::uint32_t id) noexcept;

    [[nodiscard]] Client& operator[](std::uint32_t id) noexcept { return records_[id]; }

    [[nodiscard]] const Client& operator[](std::uint32_t id) const noexcept {
        return records_[id];
    }

    [[nodiscard]] std::uint32_t size() const noexcept { return size_; }

    // ---- for readers ----

    /// Every record in use has a number below this one.
    [[nodiscard]] std::uint32_t high_water() const noexcept { return fresh_; }

    [[nodiscard]] Prefix6 prefix(std::uint32_t id) const noexcept {
        return {records_[id].prefix, prefix_length_};
    }

private:
    [[nodiscard]] std::uint64_t hash_of(const Ipv6Addr& prefix) const noexcept;
    [[nodiscard]] Ipv6Addr prefix_of(const Ipv6Addr& client6) const noexcept;
    [[nodiscard]] std::uint32_t find_prefix(const Ipv6Addr& prefix,
                                            std::uint64_t hash) const noexcept;

    unsigned prefix_length_;
    tables::KeyedHash hash_;
    tables::BucketIndex index_;
    tables::LazyArray<Client> records_;
    std::uint32_t free_ = kNone; ///< a list through Client::bindings
    std::uint32_t fresh_ = 0;    ///< records never used begin here
    std::uint32_t size_ = 0;
};

/// Why this client may have no new session; nullopt if it may. Takes tokens if it may. A
/// client's own limits come first: what one client is refused costs the others nothing. The
/// IPv4 side may open half as many as clients may, on top of theirs, and takes no tokens.
[[nodiscard]] std::optional<DropReason>
charge(Client& client, Totals& totals, const Limits& limits, Demand demand, Tick now) noexcept;

} // namespace nat64::pool
