// SPDX-License-Identifier: Apache-2.0
// The session tables of RFC 6146 §3.2. A session is named by a number: below the BIB's capacity
// it is the one inside that binding's slot, above it one of the further sessions of a binding,
// which live in a slab of their own, are found by a keyed hash of (binding, remote transport
// address), and are chained for the day their binding goes. A binding's first session is never
// replaced: once it is gone, new ones are further ones, so a binding and its first session can
// share one generation.
//
// Makes and erases sessions and keeps their indexes; what they mean is the backend's business.
// Single-threaded.
#pragma once

#include "core/rfc6146/bib.hpp"
#include "core/rfc6146/permissions.hpp"

#include <cstddef>
#include <cstdint>

namespace nat64::rfc6146 {

class SessionTable {
public:
    /// Room for `capacity` sessions of the bindings in `bib`, which must outlive this.
    SessionTable(Bib& bib, std::size_t capacity, Rng& rng);

    /// The session of `binding` with this remote transport address, or kNone.
    [[nodiscard]] std::uint32_t find(std::uint32_t binding,
                                     const Endpoint4& server4) const noexcept {
        const auto& slot = bib_[binding];
        if (slot.first.server == server4.address && slot.first.server_port == server4.port &&
            slot.has(BindingSlot::kSession))
            return binding;
        return slot.first.next == kNone ? kNone : find_further(binding, server4);
    }

    /// The same, itself; nullptr if there is none.
    [[nodiscard]] Session* look_up(std::uint32_t binding, const Endpoint4& server4) noexcept {
        auto& slot = bib_[binding];
        if (slot.first.server4() == server4 && slot.has(BindingSlot::kSession)) [[likely]]
            return &slot.first;
        if (slot.first.next == kNone) return nullptr;
        const auto found = find_further(binding, server4);
        return found == kNone ? nullptr : &(*this)[found];
    }

    /// Whether `binding` has a session with this IPv4 address, whatever the port.
    [[nodiscard]] bool knows(std::uint32_t binding, Ipv4Addr server) const noexcept;

    /// A new session, state and lifetime yet to be set. kNone when there is no room.
    [[nodiscard]] std::uint32_t insert(std::uint32_t binding,
                                       const Endpoint4& server4) noexcept;

    void erase(std::uint32_t session) noexcept;

    [[nodiscard]] Session& operator[](std::uint32_t session) noexcept {
        return session < base_ ? bib_[session].first : further_[session - base_];
    }

    [[nodiscard]] const Session& operator[](std::uint32_t session) const noexcept {
        return session < base_ ? bib_[session].first : further_[session - base_];
    }

    /// The binding that this session, which must exist, belongs to.
    [[nodiscard]] std::uint32_t binding_of(std::uint32_t session) const noexcept {
        return session < base_ ? session : links_[session - base_].binding;
    }

    /// Some session of this binding, or kNone.
    [[nodiscard]] std::uint32_t any_of(std::uint32_t binding) const noexcept {
        const auto& slot = bib_[binding];
        return slot.has(BindingSlot::kSession) ? binding : slot.first.next;
    }

    [[nodiscard]] std::uint32_t count_of(std::uint32_t binding) const noexcept {
        return (bib_[binding].has(BindingSlot::kSession) ? 1 : 0) + counts_[binding];
    }

    /// Whether there is a session of this number now.
    [[nodiscard]] bool exists(std::uint32_t session) const noexcept;

    [[nodiscard]] std::uint32_t generation(std::uint32_t session) const noexcept {
        return session < base_ ? bib_[session].generation : links_[session - base_].generation;
    }

    [[nodiscard]] std::uint32_t size() const noexcept { return size_; }

    [[nodiscard]] std::size_t capacity() const noexcept { return further_.size(); }

    /// Session numbers run from 0 to the BIB's high-water mark, and from base() to end().
    [[nodiscard]] std::uint32_t base() const noexcept { return base_; }

    [[nodiscard]] std::uint32_t end() const noexcept { return base_ + fresh_; }

    void prefetch(std::uint32_t session) const noexcept {
        if (session < base_)
            bib_.prefetch_slot(session);
        else
            __builtin_prefetch(&further_[session - base_]);
    }

private:
    // What a further session needs besides Session.
    struct Link {
        std::uint32_t binding;  ///< kNone: the slot is free
        std::uint32_t previous; ///< session before it in the chain; the binding for the first
        std::uint32_t generation;
    };

    [[nodiscard]] std::uint64_t hash(std::uint32_t binding,
                                     const Endpoint4& server4) const noexcept {
        return hash_(binding, server4.address.bits(), server4.port.value());
    }

    [[nodiscard]] std::uint32_t find_further(std::uint32_t binding,
                                             const Endpoint4& server4) const noexcept;
    std::uint32_t insert_further(std::uint32_t binding, const Endpoint4& server4) noexcept;
    void erase_further(std::uint32_t session) noexcept;

    Bib& bib_;
    std::uint32_t base_;
    tables::KeyedHash hash_;
    tables::LazyArray<Session> further_;
    tables::LazyArray<Link> links_;
    tables::LazyArray<std::uint32_t> counts_; ///< further sessions of each binding
    tables::BucketIndex index_;
    Permissions permissions_;
    std::uint32_t free_ = kNone; ///< a list through Session::next
    std::uint32_t fresh_ = 0;
    std::uint32_t size_ = 0;
};

} // namespace nat64::rfc6146
