// SPDX-License-Identifier: Apache-2.0
#include "core/rfc6146/session_table.hpp"

#include "core/net/address.hpp"
#include "core/net/transport.hpp"
#include "core/random.hpp"

#include <cassert>

namespace nat64::rfc6146 {

SessionTable::SessionTable(Bib& bib, std::size_t capacity, Rng& rng)
    : bib_{bib},
      base_{static_cast<std::uint32_t>(bib.capacity())},
      hash_{rng},
      further_{capacity},
      links_{capacity},
      counts_{bib.capacity()},
      index_{capacity},
      permissions_{capacity, rng} {}

std::uint32_t SessionTable::find_further(std::uint32_t binding,
                                         const Endpoint4& server4) const noexcept {
    const auto found = index_.find(hash(binding, server4), [&](std::uint32_t i) {
        return links_[i].binding == binding && further_[i].server4() == server4;
    });
    return found == kNone ? kNone : base_ + found;
}

bool SessionTable::knows(std::uint32_t binding, Ipv4Addr server) const noexcept {
    const auto& slot = bib_[binding];
    if (slot.has(BindingSlot::kSession) && slot.first.server == server) return true;
    return slot.first.next != kNone && permissions_.contains(binding, server);
}

std::uint32_t SessionTable::insert(std::uint32_t binding, const Endpoint4& server4) noexcept {
    if (size_ == further_.size()) return kNone;
    auto& slot = bib_[binding];
    if (slot.has(BindingSlot::kSession | BindingSlot::kSpent))
        return insert_further(binding, server4);
    slot.flags |= BindingSlot::kSession;
    slot.first.server = server4.address;
    slot.first.server_port = server4.port;
    ++size_;
    return binding;
}

std::uint32_t SessionTable::insert_further(std::uint32_t binding,
                                           const Endpoint4& server4) noexcept {
    const auto i = free_ != kNone ? free_ : fresh_;
    if (i >= further_.size() || !permissions_.add(binding, server4.address)) return kNone;
    if (!index_.insert(hash(binding, server4), i)) {
        permissions_.remove(binding, server4.address);
        return kNone;
    }
    auto& session = further_[i];
    if (i == free_)
        free_ = session.next;
    else
        ++fresh_;
    auto& head = bib_[binding].first.next;
    session = {};
    session.server = server4.address;
    session.server_port = server4.port;
    session.next = head;
    links_[i] = {binding, binding, links_[i].generation + 1};
    if (head != kNone) links_[head - base_].previous = base_ + i;
    head = base_ + i;
    ++counts_[binding];
    ++size_;
    return base_ + i;
}

void SessionTable::erase(std::uint32_t session) noexcept {
    assert(exists(session));
    --size_;
    if (session >= base_) {
        erase_further(session);
        return;
    }
    auto& slot = bib_[session];
    slot.flags =
        static_cast<std::uint8_t>((slot.flags & ~BindingSlot::kSession) | BindingSlot::kSpent);
}

void SessionTable::erase_further(std::uint32_t session) noexcept {
    const auto i = session - base_;
    auto& s = further_[i];
    auto& link = links_[i];
    index_.erase(hash(link.binding, s.server4()), i);
    permissions_.remove(link.binding, s.server);
    (*this)[link.previous].next = s.next;
    if (s.next != kNone) links_[s.next - base_].previous = link.previous;
    --counts_[link.binding];
    link.binding = kNone;
    s.next = free_;
    free_ = i;
}

bool SessionTable::exists(std::uint32_t session) const noexcept {
    if (session < base_)
        return session < bib_.high_water() && bib_[session].has(BindingSlot::kUsed) &&
               bib_[session].has(BindingSlot::kSession);
    return session - base_ < fresh_ && links_[session - base_].binding != kNone;
}

} // namespace nat64::rfc6146
