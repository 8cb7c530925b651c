// SPDX-License-Identifier: Apache-2.0
// What the control side reads and changes: rows of hosts, the use of the inner pool, restored
// hosts, changed settings.
#include "backends/kernel/kernel_backend.hpp"
#include "core/clock.hpp"
#include "core/napt_settings.hpp"
#include "core/net/address.hpp"
#include "core/net/transport.hpp"
#include "core/tables/timer_ring.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <expected>
#include <utility>

namespace nat64::kernel {

namespace {

using pool::Host;
using pool::HostMap;

bool has_ports(const StaticItem& item) noexcept {
    return item.protocol.has_value();
}

} // namespace

// Ports are 0: the binding is the host's, with all its protocols, so a filter for one of them
// finds it.
std::optional<Cursor> KernelBackend::snapshot(Cursor from,
                                              const Filter& filter,
                                              Budget budget,
                                              std::vector<BindingRow>& rows) const {
    auto slot = static_cast<std::uint32_t>(std::min<Cursor>(from, hosts_.slots()));
    for (auto left = budget.slots; slot < hosts_.slots(); ++slot, --left) {
        if (left == 0 || rows.size() == rows.capacity()) return slot;
        const auto& host = hosts_[slot];
        if (!host.has(Host::kUsed)) continue;
        const auto b = binding(slot, Port{});
        if (filter.client && !filter.client->contains(b.client6.address)) continue;
        if (filter.mapped && !filter.mapped->contains(b.mapped4.address)) continue;
        rows.push_back({.protocol = host.protocol,
                        .client6 = b.client6,
                        .mapped4 = b.mapped4,
                        .is_static = host.has(Host::kStatic),
                        .handle = b.handle,
                        .whole_host = true});
    }
    return std::nullopt;
}

std::optional<Cursor> KernelBackend::snapshot(Cursor /*from*/,
                                              const Filter& /*filter*/,
                                              Budget /*budget*/,
                                              Clock::time_point /*now*/,
                                              std::vector<SessionRow>& /*rows*/) const {
    return std::nullopt;
}

void KernelBackend::pool_usage(std::vector<PoolRow>& rows) const {
    rows.push_back({.address = hosts_.pool().address(),
                    .total = hosts_.capacity(),
                    .used = hosts_.used(),
                    .held_back = hosts_.held(),
                    .clients = hosts_.clients(),
                    .whole_hosts = hosts_.pool()});
}

std::expected<void, std::string_view> KernelBackend::restore(const SessionRow& row,
                                                             Clock::time_point now) {
    if (!may_be_client(row.client6.address))
        return std::unexpected{"its client cannot be behind this translator"};
    const auto tick = Tick::floor(now);
    const auto known = hosts_.find(hosts_.hash(row.client6.address), row.client6.address);
    const auto slot = hosts_.place(row.client6.address, row.mapped4.address, 0, tick);
    if (!slot) return std::unexpected{slot.error()};
    if (known == HostMap::kNone) begin(*slot, row.protocol, EventReason::Restored, now);
    busy(*slot, tick, Tick::ceil_count(std::max(row.expires_in, Clock::duration{})));
    return {};
}

std::vector<std::string_view> KernelBackend::apply(NaptSettings& settings,
                                                   Clock::time_point now) {
    std::vector<std::string_view> fixed;
    if (settings.prefix != settings_.prefix) fixed.emplace_back("prefix");
    if (settings.inner_pool != settings_.inner_pool) fixed.emplace_back("inner_pool");
    if (settings.reserved != settings_.reserved) fixed.emplace_back("gateway");
    if (settings.limits.client_prefix != settings_.limits.client_prefix)
        fixed.emplace_back("limits.client_prefix");
    const auto impossible = [&](const StaticItem& item) {
        return has_ports(item) || !may_be_client(item.client6.address);
    };
    if (std::ranges::any_of(settings.statics, impossible)) fixed.emplace_back("static");
    if (!fixed.empty()) return fixed;

    apply_statics(settings.statics, now);
    lasting_.extend(Lasting{settings.timeouts});
    std::swap(settings_, settings);
    return {};
}

// Flows that began under a longer timeout keep it (nft_difference.hpp).
void KernelBackend::Lasting::extend(const Lasting& other) noexcept {
    for (std::size_t i = 0; i < ticks.size(); ++i)
        ticks[i] = std::max(ticks[i], other.ticks[i]);
    tcp_established = std::max(tcp_established, other.tcp_established);
}

// Whoever else has the address leaves it, and the client another one. That one may have flows
// yet: it is held.
void KernelBackend::make_room(const Ipv6Addr& client6,
                              Ipv4Addr inner4,
                              Clock::time_point now) noexcept {
    for (const auto slot : {hosts_.find(inner4), hosts_.find(hosts_.hash(client6), client6)}) {
        if (slot == HostMap::kNone || !hosts_[slot].has(Host::kUsed)) continue;
        const auto left = hosts_.address(slot);
        if (hosts_[slot].client6 == client6 && left == inner4) continue;
        const auto until = hosts_[slot].busy_until;
        end(slot, EventReason::Static, now);
        if (left != inner4) hosts_.hold(left, until);
    }
}

// Entries that are no longer configured become ordinary hosts; new ones take precedence over
// what traffic has made.
void KernelBackend::apply_statics(const std::vector<StaticItem>& statics,
                                  Clock::time_point now) noexcept {
    const auto tick = Tick::floor(now);
    for (const auto& item : settings_.statics) {
        if (std::ranges::binary_search(statics, item)) continue;
        const auto slot = hosts_.find(item.mapped4.address);
        if (slot == HostMap::kNone || !hosts_[slot].has(Host::kStatic)) continue;
        hosts_.make_dynamic(slot, tables::after(tick, lasting_.tcp_established));
    }
    for (const auto& item : statics) {
        if (std::ranges::binary_search(settings_.statics, item)) continue;
        const auto& client6 = item.client6.address;
        make_room(client6, item.mapped4.address, now);
        const auto known = hosts_.find(hosts_.hash(client6), client6);
        const auto slot = hosts_.place(client6, item.mapped4.address, Host::kStatic, tick);
        if (slot && known == HostMap::kNone)
            begin(*slot, L4Proto::Tcp, EventReason::Static, now);
    }
}

} // namespace nat64::kernel
