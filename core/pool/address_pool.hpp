// SPDX-License-Identifier: Apache-2.0
// The IPv4 addresses that a translator gives out, and their ports. Every address has a small
// index, which the tables store in its place. A client has a home address (RFC 6888 §3 REQ-2,
// RFC 4787 §4.1 REQ-2: address pooling "paired") that a keyed hash of its prefix chooses, so
// it is the same one after a pause; only when its home has no port left does it get one of the
// next address that has.
//
// Addresses of static entries are here as well, without ports to give out unless they are also
// in the pool. Reserved addresses (gateway.ipv4) are not here at all. Which client holds which
// port is the BIB's business (core/rfc6146/bib.hpp). Single-threaded.
#pragma once

#include "core/clock.hpp"
#include "core/napt_settings.hpp"
#include "core/pool/port_set.hpp"
#include "core/random.hpp"
#include "core/tables/lazy_array.hpp"

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace nat64::pool {

/// An address of the pool: its place in the ascending list of all of them.
using AddressIndex = std::uint16_t;

class AddressPool {
public:
    /// A pool is at most a /16.
    static constexpr std::size_t kMaxAddresses = 65536;

    /// Throws std::length_error if there are more addresses than that.
    AddressPool(const NaptSettings& settings, Rng& rng);

    [[nodiscard]] std::size_t size() const noexcept { return addresses_.size(); }

    [[nodiscard]] Ipv4Addr address(AddressIndex index) const noexcept {
        return addresses_[index].address;
    }

    /// A search among the configured ranges, not among the addresses.
    [[nodiscard]] std::optional<AddressIndex> index_of(Ipv4Addr address) const noexcept {
        return runs_.size() == 1 ? index_in(runs_[0], address) : search(address);
    }

    /// Whether this port is one that allocate() may choose.
    [[nodiscard]] bool gives_out(AddressIndex index, Port port) const noexcept {
        return !is_withheld(index) && mask(index).contains(port);
    }

    /// From now on this address is given to nobody. What is bound to it is the caller's to end.
    void withhold(Ipv4Addr address) noexcept;
    /// It may be given out again.
    void offer(Ipv4Addr address) noexcept;

    [[nodiscard]] bool is_withheld(AddressIndex index) const noexcept {
        return addresses_[index].withheld;
    }

    /// The home of a client whose prefix hashes to `hash`; nullopt when nothing is given out.
    [[nodiscard]] std::optional<AddressIndex> home(std::uint64_t hash) const noexcept;

    struct Lease {
        AddressIndex address{};
        Port port;
    };

    /// A port at `home`, or else at the next address that has one; no more than kTries
    /// addresses are asked.
    [[nodiscard]] std::optional<Lease>
    allocate(L4Proto protocol, Port client, AddressIndex home, Tick now) noexcept;

    /// This very port. False if it is in use.
    [[nodiscard]] bool take(AddressIndex index, L4Proto protocol, Port port) noexcept;

    void release(AddressIndex index, L4Proto protocol, Port port, Tick now) noexcept;

    /// One port set's numbers, for PoolRow.
    struct Usage {
        std::uint32_t total;
        std::uint32_t used;
        std::uint32_t held_back;
    };

    /// As PortSet has it.
    [[nodiscard]] Port prefetch_allocate(AddressIndex index, L4Proto protocol) const noexcept {
        return sets_.at(index, static_cast<std::size_t>(protocol)).prefetch_allocate();
    }

    void prefetch_release(AddressIndex index, L4Proto protocol, Port port) const noexcept {
        sets_.at(index, static_cast<std::size_t>(protocol)).prefetch_release(port);
    }

    [[nodiscard]] Usage usage(AddressIndex index, L4Proto protocol, Tick now) const noexcept;

private:
    static constexpr unsigned kTries = 8;
    static constexpr std::uint32_t kLookAgain = Tick::ceil_count(std::chrono::seconds{1});

    struct Address {
        Ipv4Addr address;
        std::uint32_t mask = 0; ///< index into masks_
        bool withheld = false;
    };

    // Consecutive addresses.
    struct Run {
        Ipv4Addr first;
        std::uint32_t count = 0;
        std::uint32_t index = 0;
    };

    using FullBits = std::vector<std::uint64_t>;

    [[nodiscard]] static std::optional<AddressIndex> index_in(const Run& run,
                                                              Ipv4Addr address) noexcept {
        const auto offset = address.bits() - run.first.bits();
        if (offset >= run.count) return std::nullopt;
        return static_cast<AddressIndex>(run.index + offset);
    }

    [[nodiscard]] std::optional<AddressIndex> search(Ipv4Addr address) const noexcept;
    void add_addresses(const NaptSettings& settings);
    std::uint32_t mask_for(Ipv4Addr address, std::span<const PoolItem> items);

    [[nodiscard]] const PortMask& mask(AddressIndex index) const noexcept {
        return masks_[addresses_[index].mask];
    }

    [[nodiscard]] PortSet& set(AddressIndex index, L4Proto protocol) noexcept {
        return sets_.at(index, static_cast<std::size_t>(protocol));
    }

    void mark_withheld(Ipv4Addr address, std::uint64_t withheld) noexcept;
    [[nodiscard]] std::optional<AddressIndex> open_giver(std::size_t rank) const noexcept;
    [[nodiscard]] std::optional<std::size_t> next_open(const FullBits& full,
                                                       std::size_t from) const noexcept;
    void look_again(Tick now) noexcept;

    Rng& rng_;
    std::vector<Address> addresses_; ///< ascending
    std::vector<Run> runs_;          ///< ascending
    std::vector<PortMask> masks_;
    std::vector<std::vector<PortRange>> mask_ranges_; ///< what masks_ were made of
    std::vector<AddressIndex> givers_;                ///< addresses with ports to give out
    /// Positions in givers_ that had nothing left when last asked, for each protocol.
    /// Forgotten every second, because time makes ports free.
    std::array<FullBits, kL4ProtoCount> full_;
    FullBits withheld_; ///< positions in givers_ whose addresses are withheld
    std::size_t withheld_count_ = 0;
    Tick looked_;
    tables::ChunkedArray<PortSet, kL4ProtoCount> sets_;
};

} // namespace nat64::pool
