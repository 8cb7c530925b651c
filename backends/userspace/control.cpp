// SPDX-License-Identifier: Apache-2.0
// What the control side may do to the tables: end sessions (flush), put a session back that
// another process or an earlier life of this one had (restore), and take over changed settings
// (apply).
#include "backends/userspace/userspace_backend.hpp"
#include "core/clock.hpp"
#include "core/napt_settings.hpp"
#include "core/net/transport.hpp"
#include "core/rfc6146/tcp_state.hpp"
#include "core/verdict.hpp"

#include <algorithm>
#include <expected>
#include <utility>

namespace nat64::userspace {

namespace {

bool fits(L4Proto protocol, SessionState state) noexcept {
    return (protocol == L4Proto::Tcp) == (state != SessionState::Active);
}

// A row does not say whether it is, or who has opened it. As if it had come from outside is the
// safe side: the next segments of a connection that is in use show that it is open.
bool maybe_partially_open(const SessionRow& row, const Timeouts& timeouts) noexcept {
    return rfc6146::tcp_lifetime(row.state) == rfc6146::Lifetime::TcpEstablished &&
           row.expires_in <= timeouts.tcp_transitory + Tick::kLength;
}

bool any_shorter(const Timeouts& now, const Timeouts& before) noexcept {
    return now.udp < before.udp || now.tcp_established < before.tcp_established ||
           now.tcp_transitory < before.tcp_transitory || now.icmp < before.icmp;
}

/// Sorted, those without protocol come first.
bool whole_hosts_differ(const std::vector<StaticItem>& a, const std::vector<StaticItem>& b) {
    const auto of_ports = [](const StaticItem& item) { return item.protocol.has_value(); };
    return !std::equal(a.begin(),
                       std::ranges::find_if(a, of_ports),
                       b.begin(),
                       std::ranges::find_if(b, of_ports));
}

} // namespace

std::expected<void, std::string_view> UserspaceBackend::restore(const SessionRow& row,
                                                                Clock::time_point now) {
    if (!fits(row.protocol, row.state)) return std::unexpected{"state is none of its protocol"};
    if (!state_.may_be_client(row.client6.address))
        return std::unexpected{"its client cannot be behind this translator"};
    if (!owns(row.protocol, row.mapped4)) return std::unexpected{"not a port of the pool"};
    const auto hash = state_.bib.hash(row.protocol, row.client6);
    const auto binding = state_.bib.find_client(hash, row.protocol, row.client6);
    const auto at_client = find_by_client(row.protocol, row.client6);
    const auto at_mapped = find_by_mapped(row.protocol, row.mapped4);
    if (at_client && at_client->mapped4 != row.mapped4)
        return std::unexpected{"its client is bound to another transport address"};
    if (at_mapped && at_mapped->client6 != row.client6)
        return std::unexpected{"its transport address belongs to another client"};
    const auto server4 = remote(row.protocol, row.server4);
    if (row.state != SessionState::V4Init &&
        forbids_outbound(row.client6, row.protocol, row.server4))
        return std::unexpected{"clients or destinations forbid it"};
    if (binding != kNone && state_.sessions.find(binding, server4) != kNone)
        return std::unexpected{"this session is there already"};

    const bool partially_open = maybe_partially_open(row, state_.settings.timeouts);
    const bool outside = partially_open || row.state == SessionState::V4Init;
    const auto opener = outside ? Side::V4 : Side::V6;
    const Opening opening{server4, row.state, opener, EventReason::Restored, partially_open};
    const auto session =
        binding != kNone ? state_.open(binding, opening, now)
                         : state_.open(row.protocol, row.client6, row.mapped4, opening, now);
    if (!session) return std::unexpected{info(session.error()).label};
    auto& s = state_.sessions[*session];
    s.packets = row.packets;
    s.bytes = row.bytes;
    // The lifetime began so long ago that what the row says is left of it.
    const auto total = state_.lifetimes.ticks(s.lifetime);
    const auto left =
        std::min(Tick::ceil_count(std::max(row.expires_in, Clock::duration{})), total);
    s.refreshed = Tick{s.refreshed.count() - (total - left)};
    state_.link(*session);
    return {};
}

std::optional<Cursor> UserspaceBackend::flush(Cursor from,
                                              const Filter& filter,
                                              Budget budget,
                                              Clock::time_point now,
                                              Flushed& flushed) noexcept {
    const auto& sessions = state_.sessions;
    std::optional at{static_cast<std::uint32_t>(std::min<Cursor>(from, sessions.end()))};
    for (auto left = budget.slots; left > 0; --left) {
        at = next_session(*at);
        if (!at) return std::nullopt;
        const auto session = (*at)++;
        if (!sessions.exists(session)) continue;
        if (!state_.matches(filter, state_.bib[sessions.binding_of(session)])) continue;
        if (filter.server && !filter.server->contains(sessions[session].server)) continue;
        const auto bindings = state_.bib.size();
        state_.close(session, EventReason::Flushed, now);
        ++flushed.sessions;
        flushed.bindings += bindings - state_.bib.size();
    }
    return *at;
}

std::vector<std::string_view> UserspaceBackend::apply(NaptSettings& settings,
                                                      Clock::time_point now) {
    const auto& before = state_.settings;
    std::vector<std::string_view> fixed;
    if (settings.prefix != before.prefix) fixed.emplace_back("prefix");
    if (settings.pool != before.pool) fixed.emplace_back("pool");
    if (settings.reserved != before.reserved) fixed.emplace_back("gateway");
    if (settings.limits.sessions != before.limits.sessions)
        fixed.emplace_back("limits.sessions");
    if (settings.limits.client_prefix != before.limits.client_prefix)
        fixed.emplace_back("limits.client_prefix");
    const auto known = [&](const StaticItem& item) {
        return state_.may_be_client(item.client6.address) &&
               (!item.protocol || state_.pool.index_of(item.mapped4.address).has_value());
    };
    if (whole_hosts_differ(settings.statics, before.statics) ||
        !std::ranges::all_of(settings.statics, known))
        fixed.emplace_back("static");
    if (!fixed.empty()) return fixed;

    if (settings.withheld != before.withheld) {
        for (const auto address : before.withheld)
            state_.pool.offer(address);
        for (const auto address : settings.withheld)
            state_.pool.withhold(address);
        rechecking_ = 0;
    }
    apply_statics(settings.statics, now);
    if (any_shorter(settings.timeouts, before.timeouts)) reapplying_ = 0;
    state_.lifetimes = rfc6146::Lifetimes{settings.timeouts};
    std::swap(state_.settings, settings);
    return {};
}

// Entries that are no longer configured become ordinary bindings and end with their sessions;
// new ones take precedence over what traffic has made.
void UserspaceBackend::apply_statics(const std::vector<StaticItem>& statics,
                                     Clock::time_point now) noexcept {
    for (const auto& item : state_.settings.statics) {
        if (!item.protocol || std::ranges::binary_search(statics, item)) continue;
        const auto hash = state_.bib.hash(*item.protocol, item.client6);
        const auto slot = state_.bib.find_client(hash, *item.protocol, item.client6);
        if (slot == kNone) continue;
        auto& flags = state_.bib[slot].flags;
        flags = static_cast<std::uint8_t>(flags & ~BindingSlot::kStatic);
        state_.close_if_idle(slot, EventReason::Static, now);
    }
    for (const auto& item : statics) {
        if (!item.protocol) continue;
        if (std::ranges::binary_search(state_.settings.statics, item)) continue;
        [[maybe_unused]] const auto conflict = state_.add_static(item, now);
    }
}

} // namespace nat64::userspace
