// SPDX-License-Identifier: Apache-2.0
// Address-dependent filtering (RFC 6146 §1.2.3) asks, for an IPv4 packet that belongs to no
// session, whether its binding has any session with that IPv4 address. This table answers it
// in two look-ups however many sessions there are: it counts the further sessions of each pair
// of binding and IPv4 address (the first one is in the binding itself). Single-threaded.
#pragma once

#include "core/net/address.hpp"
#include "core/random.hpp"
#include "core/tables/keyed_hash.hpp"
#include "core/tables/lazy_array.hpp"

#include <array>
#include <cstddef>
#include <cstdint>

namespace nat64::rfc6146 {

class Permissions {
public:
    /// Room for `capacity` pairs.
    Permissions(std::size_t capacity, Rng& rng);

    [[nodiscard]] bool contains(std::uint32_t binding, Ipv4Addr server) const noexcept;

    /// One more session of this pair. False when there is no room.
    [[nodiscard]] bool add(std::uint32_t binding, Ipv4Addr server) noexcept;

    /// One less; it must have been added.
    void remove(std::uint32_t binding, Ipv4Addr server) noexcept;

private:
    struct Entry {
        std::uint32_t binding = 0;
        Ipv4Addr server;
        std::uint32_t count = 0; ///< 0: free
    };

    struct alignas(64) Bucket {
        std::array<Entry, 5> entries;
    };

    static_assert(sizeof(Bucket) == 64);

    [[nodiscard]] std::array<std::size_t, 2> buckets_of(std::uint32_t binding,
                                                        Ipv4Addr server) const noexcept;
    [[nodiscard]] const Entry* find(std::uint32_t binding, Ipv4Addr server) const noexcept;

    tables::KeyedHash hash_;
    std::size_t mask_;
    tables::LazyArray<Bucket> buckets_;
};

} // namespace nat64::rfc6146
