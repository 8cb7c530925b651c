// SPDX-License-Identifier: Apache-2.0
// What readers see: rows of bindings and sessions, some at a time, and the use of the pool. A
// cursor is the number of the next slot to look at; slots that are made or ended between two
// calls are seen or not, and no row is ever half of one binding and half of another.
#include "backends/userspace/userspace_backend.hpp"
#include "core/clock.hpp"
#include "core/net/transport.hpp"
#include "core/pool/address_pool.hpp"

#include <algorithm>
#include <cstddef>

namespace nat64::userspace {

namespace {

SessionRow row_of(const State& state, std::uint32_t session, Clock::time_point now) noexcept {
    const auto& b = state.bib[state.sessions.binding_of(session)];
    const auto& s = state.sessions[session];
    const auto deadline = state.lifetimes.deadline(s.refreshed, s.lifetime);
    SessionRow row;
    row.protocol = b.protocol;
    row.state = s.state;
    row.client6 = b.client6;
    row.mapped4 = state.mapped4(b);
    row.server4 = State::server4(b, s);
    row.expires_in = std::max(deadline.start() - now, Clock::duration::zero());
    row.packets = s.packets;
    row.bytes = s.bytes;
    row.handle = {session, state.sessions.generation(session)};
    return row;
}

} // namespace

bool State::matches(const Filter& filter, const BindingSlot& b) const noexcept {
    return b.has(BindingSlot::kUsed) && (!filter.protocol || *filter.protocol == b.protocol) &&
           (!filter.client || filter.client->contains(b.client6.address)) &&
           (!filter.mapped || filter.mapped->contains(pool.address(b.address)));
}

std::optional<Cursor> UserspaceBackend::snapshot(Cursor from,
                                                 const Filter& filter,
                                                 Budget budget,
                                                 std::vector<BindingRow>& rows) const {
    const auto end = state_.bib.high_water();
    auto slot = static_cast<std::uint32_t>(std::min<Cursor>(from, end));
    for (auto left = budget.slots; slot < end; ++slot, --left) {
        if (left == 0 || rows.size() == rows.capacity()) return slot;
        const auto& b = state_.bib[slot];
        if (!state_.matches(filter, b)) continue;
        rows.push_back({b.protocol,
                        b.client6,
                        state_.mapped4(b),
                        state_.sessions.count_of(slot),
                        b.has(BindingSlot::kStatic | BindingSlot::kWholeHost),
                        {slot, b.generation}});
    }
    return std::nullopt;
}

std::optional<Cursor> UserspaceBackend::snapshot(Cursor from,
                                                 const Filter& filter,
                                                 Budget budget,
                                                 Clock::time_point now,
                                                 std::vector<SessionRow>& rows) const {
    const auto& sessions = state_.sessions;
    auto at = static_cast<std::uint32_t>(std::min<Cursor>(from, sessions.end()));
    for (auto left = budget.slots;; ++at, --left) {
        if (at >= state_.bib.high_water() && at < sessions.base()) at = sessions.base();
        if (at >= sessions.end()) return std::nullopt;
        if (left == 0 || rows.size() == rows.capacity()) return at;
        if (!sessions.exists(at)) continue;
        if (!state_.matches(filter, state_.bib[sessions.binding_of(at)])) continue;
        if (filter.server && !filter.server->contains(sessions[at].server)) continue;
        rows.push_back(row_of(state_, at, now));
    }
}

namespace {

/// Rows are numbered by address, then protocol.
PoolRow pool_row(const State& state, std::size_t number) {
    const auto index = number / kL4ProtoCount;
    const auto address = static_cast<pool::AddressIndex>(index);
    const auto protocol = static_cast<L4Proto>(number % kL4ProtoCount);
    const auto usage = state.pool.usage(address, protocol, state.latest);
    return {state.pool.address(address),
            protocol,
            usage.total,
            usage.used,
            usage.held_back,
            state.clients_at[index]};
}

bool is_offered(const State& state, std::size_t number) {
    return !state.pool.is_withheld(static_cast<pool::AddressIndex>(number / kL4ProtoCount));
}

} // namespace

void UserspaceBackend::pool_usage(std::vector<PoolRow>& rows) const {
    for (std::size_t i = 0; i < state_.pool.size() * kL4ProtoCount; ++i)
        if (is_offered(state_, i)) rows.push_back(pool_row(state_, i));
}

std::optional<Cursor>
UserspaceBackend::pool_snapshot(Cursor from, Budget budget, std::vector<PoolRow>& rows) const {
    const Cursor end = state_.pool.size() * kL4ProtoCount;
    for (auto left = budget.slots; from < end; ++from, --left) {
        if (left == 0 || rows.size() == rows.capacity()) return from;
        const auto number = static_cast<std::size_t>(from);
        if (is_offered(state_, number)) rows.push_back(pool_row(state_, number));
    }
    return std::nullopt;
}

std::optional<Cursor> UserspaceBackend::client_snapshot(Cursor from,
                                                        const Filter& filter,
                                                        Budget budget,
                                                        std::vector<ClientRow>& rows) const {
    const auto& clients = state_.clients;
    auto id = static_cast<std::uint32_t>(std::min<Cursor>(from, clients.high_water()));
    for (auto left = budget.slots; id < clients.high_water(); ++id, --left) {
        if (left == 0 || rows.size() == rows.capacity()) return id;
        const auto& client = clients[id];
        if (!client.in_use) continue;
        const auto prefix = clients.prefix(id);
        if (filter.client && !filter.client->overlaps(prefix)) continue;
        rows.push_back({prefix,
                        client.own.sessions + client.inbound.sessions,
                        client.ports,
                        client.bindings});
    }
    return std::nullopt;
}

} // namespace nat64::userspace
