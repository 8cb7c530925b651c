// SPDX-License-Identifier: Apache-2.0
#include "backends/kernel/kernel_backend.hpp"

#include "core/clock.hpp"
#include "core/napt_settings.hpp"
#include "core/net/address.hpp"
#include "core/net/packet_buffer.hpp"
#include "core/net/transport.hpp"
#include "core/policy.hpp"
#include "core/refusal.hpp"
#include "core/tables/timer_ring.hpp"
#include "core/verdict.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <expected>
#include <stdexcept>
#include <string>

namespace nat64::kernel {

namespace {

using pool::Host;
using pool::HostMap;

constexpr auto kNone = HostMap::kNone;

Resolved refuse(DropReason reason, std::optional<IcmpAnswer> answer = {}) noexcept {
    return std::unexpected{NotNow{Refusal{reason, answer}}};
}

Resolved refuse_new_client(DropReason reason) noexcept {
    return refuse(
        reason, reason == DropReason::PoolExhausted ? kAddressUnreachable6 : kAdminProhibited6);
}

const Prefix4& required_pool(const NaptSettings& settings) {
    if (!settings.inner_pool) throw std::invalid_argument{"napt: kernel needs inner_pool"};
    return *settings.inner_pool;
}

/// The slot that prepare() has found: packets since may have made hosts.
std::uint32_t hint(const OutboundFlow& flow) noexcept {
    return static_cast<std::uint32_t>(flow.prepared - 1);
}

std::uint32_t ticks(Clock::duration timeout) noexcept {
    return Tick::ceil_count(timeout + KernelBackend::kMargin);
}

} // namespace

KernelBackend::Lasting::Lasting(const Timeouts& timeouts) noexcept
    : ticks{kernel::ticks(timeouts.tcp_transitory),
            kernel::ticks(timeouts.udp),
            kernel::ticks(timeouts.icmp)},
      tcp_established{kernel::ticks(timeouts.tcp_established)} {}

KernelBackend::KernelBackend(const NaptSettings& settings, Counters& counters, Rng& rng)
    : settings_{settings},
      counters_{counters},
      hosts_{required_pool(settings), settings.limits.client_prefix, rng, settings.places},
      lasting_{settings.timeouts} {
    std::ranges::sort(settings_.statics);
    for (const auto address : settings_.reserved)
        hosts_.reserve(address);
    for (const auto& item : settings_.statics) {
        if (item.protocol) throw std::invalid_argument{"static: napt: kernel has no ports"};
        if (!may_be_client(item.client6.address))
            throw std::invalid_argument{"static: " + item.client6.address.to_string() +
                                        " cannot be behind this translator"};
        const auto placed =
            hosts_.place(item.client6.address, item.mapped4.address, Host::kStatic, Tick{});
        if (!placed)
            throw std::invalid_argument{"static: " + item.client6.address.to_string() + ": " +
                                        std::string{placed.error()}};
        begin(*placed, L4Proto::Tcp, EventReason::Static, {});
    }
}

Capabilities KernelBackend::capabilities() const noexcept {
    return {};
}

// ---- packets ----

// As in the userspace backend: what is fetched here is a hint, confirmed at resolve.
void KernelBackend::prepare(std::span<OutboundFlow> outbound,
                            std::span<InboundFlow> inbound) noexcept {
    for (auto& flow : outbound) {
        flow.prepared = hosts_.hash(flow.client6.address);
        hosts_.prefetch(flow.prepared);
    }
    for (const auto& flow : inbound)
        if (hosts_.pool().contains(flow.mapped4.address))
            hosts_.prefetch_host(flow.mapped4.address.bits() - hosts_.pool().address().bits());
    for (auto& flow : outbound) {
        const auto slot = hosts_.candidate(flow.prepared);
        flow.prepared = slot + std::uint64_t{1};
        if (slot != kNone) hosts_.prefetch_host(slot);
    }
}

Resolved KernelBackend::resolve_outbound(const OutboundFlow& flow,
                                         Clock::time_point now) noexcept {
    if (const auto no = forbids(flow)) return refuse(*no, kAdminProhibited6);
    const auto tick = Tick::floor(now);
    const auto& client6 = flow.client6.address;
    auto slot = hint(flow);
    if (!hosts_.is(slot, client6)) {
        const auto hash = hosts_.hash(client6);
        slot = hosts_.find(hash, client6);
        if (slot == kNone) {
            const auto made =
                hosts_.obtain(hash, client6, settings_.limits.addresses_per_client, tick);
            if (!made) return refuse_new_client(made.error());
            slot = *made;
            begin(slot, flow.protocol, EventReason::Traffic, now);
        }
    }
    has_sent(slot, flow, tick);
    return binding(slot, flow.client6.port);
}

std::size_t KernelBackend::refresh_outbound(std::span<OutboundFlow> flows,
                                            Clock::time_point now) noexcept {
    const auto tick = Tick::floor(now);
    std::size_t done = 0;
    for (auto& flow : flows) {
        const auto slot = hint(flow);
        if (!hosts_.is(slot, flow.client6.address) || forbids(flow)) break;
        has_sent(slot, flow, tick);
        flow.mapped4 = {hosts_.address(slot), flow.client6.port};
        ++done;
    }
    return done;
}

// No sessions here: each packet is asked about.
std::optional<DropReason> KernelBackend::forbids(const OutboundFlow& flow) const noexcept {
    if (const auto no = policy().client(flow.client6.address).refusal()) return no;
    return ruling_on(flow.protocol, flow.server4).refusal();
}

// Inner addresses mean something inside this machine only.
Ruling KernelBackend::ruling_on(L4Proto protocol, const Endpoint4& server4) const noexcept {
    if (hosts_.pool().contains(server4.address)) return {Basis::InnerAddress};
    return policy().destination(protocol, server4);
}

Ruling KernelBackend::inbound_ruling(const Ipv6Addr& client6,
                                     L4Proto protocol,
                                     const Endpoint4& server4) const noexcept {
    if (hosts_.pool().contains(server4.address)) return {Basis::InnerAddress};
    return policy().inbound(client6, protocol, server4);
}

Outlook KernelBackend::foresee(const OutboundFlow& flow,
                               Clock::time_point /*now*/) const noexcept {
    const auto& client6 = flow.client6.address;
    Outlook outlook{.ruling = ruling_on(flow.protocol, flow.server4)};
    if (client6 == Ipv6Addr{}) return outlook;
    if (const auto client = policy().client(client6); client.refusal()) outlook.ruling = client;
    outlook.binding = find_by_client(flow.protocol, flow.client6);
    outlook.use.addresses = hosts_.addresses_of(client6);
    if (outlook.binding) return outlook;
    if (const auto no = hosts_.refusal(client6, settings_.limits.addresses_per_client))
        outlook.obstacle = refuse_new_client(*no).error();
    return outlook;
}

Outlook KernelBackend::foresee(const InboundFlow& flow,
                               Clock::time_point /*now*/) const noexcept {
    Outlook outlook{.binding = find_by_mapped(flow.protocol, flow.mapped4)};
    if (outlook.binding) return outlook;
    outlook.obstacle = owns(flow.mapped4.address)
                           ? refuse(DropReason::NoBinding, kHostUnreachable4).error()
                           : refuse(DropReason::NotInPool).error();
    return outlook;
}

Resolved KernelBackend::resolve_inbound(const InboundFlow& flow,
                                        const PacketBuffer& /*packet*/,
                                        Clock::time_point now) noexcept {
    if (!owns(flow.mapped4.address)) return refuse(DropReason::NotInPool);
    const auto slot = hosts_.find(flow.mapped4.address);
    if (slot == kNone) {
        // Its former client has not come back, but the flow is alive, and conntrack's.
        hosts_.extend_hold(flow.mapped4.address,
                           tables::after(Tick::floor(now), longest(flow.protocol)));
        return refuse(DropReason::NoBinding, kHostUnreachable4);
    }
    has_got(slot, flow, Tick::floor(now));
    return binding(slot, flow.mapped4.port);
}

std::size_t KernelBackend::refresh_inbound(std::span<InboundFlow> flows,
                                           Clock::time_point now) noexcept {
    const auto tick = Tick::floor(now);
    std::size_t done = 0;
    for (auto& flow : flows.first(std::min(flows.size(), answers_.size()))) {
        const auto slot = hosts_.find(flow.mapped4.address);
        if (slot == kNone) break;
        has_got(slot, flow, tick);
        answers_[done] = {hosts_[slot].client6, flow.mapped4.port};
        flow.client6 = &answers_[done];
        ++done;
    }
    return done;
}

void KernelBackend::has_sent(std::uint32_t slot, const OutboundFlow& flow, Tick now) noexcept {
    // What opens a connection has not opened it yet.
    const bool opens = flow.protocol == L4Proto::Tcp && flow.tcp.syn();
    busy(slot,
         now,
         opens ? lasting_.ticks[static_cast<std::size_t>(L4Proto::Tcp)]
               : lasting(flow.protocol, hosts_[slot]));
}

void KernelBackend::has_got(std::uint32_t slot, const InboundFlow& flow, Tick now) noexcept {
    auto& host = hosts_[slot];
    if (flow.protocol == L4Proto::Tcp && !flow.tcp.rst())
        host.flags = static_cast<std::uint8_t>(host.flags | Host::kAnsweredTcp);
    busy(slot, now, lasting(flow.protocol, host));
}

std::uint32_t KernelBackend::lasting(L4Proto protocol, const Host& host) const noexcept {
    if (host.has(Host::kAnsweredTcp)) return longest(protocol);
    return lasting_.ticks[static_cast<std::size_t>(protocol)];
}

std::uint32_t KernelBackend::longest(L4Proto protocol) const noexcept {
    return protocol == L4Proto::Tcp ? lasting_.tcp_established
                                    : lasting_.ticks[static_cast<std::size_t>(protocol)];
}

void KernelBackend::busy(std::uint32_t slot, Tick now, std::uint32_t ticks) noexcept {
    auto& host = hosts_[slot];
    host.seen = now;
    const auto until = tables::after(now, ticks);
    if (tables::before(host.busy_until, until)) host.busy_until = until;
}

Binding KernelBackend::binding(std::uint32_t slot, Port port) const noexcept {
    const auto& host = hosts_[slot];
    return {{host.client6, port}, {hosts_.address(slot), port}, {slot, host.generation}};
}

std::optional<Binding> KernelBackend::find_by_client(L4Proto /*protocol*/,
                                                     const Endpoint6& client6) const noexcept {
    const auto slot = hosts_.find(hosts_.hash(client6.address), client6.address);
    if (slot == kNone) return std::nullopt;
    return binding(slot, client6.port);
}

std::optional<Binding> KernelBackend::find_by_mapped(L4Proto /*protocol*/,
                                                     const Endpoint4& mapped4) const noexcept {
    const auto slot = hosts_.find(mapped4.address);
    if (slot == kNone) return std::nullopt;
    return binding(slot, mapped4.port);
}

bool KernelBackend::owns(Ipv4Addr address) const noexcept {
    return hosts_.pool().contains(address);
}

bool KernelBackend::owns(L4Proto /*protocol*/, const Endpoint4& mapped4) const noexcept {
    return owns(mapped4.address);
}

void KernelBackend::touch(BindingHandle handle,
                          Clock::time_point last_seen,
                          std::uint64_t /*packets*/,
                          std::uint64_t /*bytes*/) noexcept {
    if (handle.slot >= hosts_.slots()) return;
    const auto& host = hosts_[handle.slot];
    if (!host.has(Host::kUsed) || host.generation != handle.generation) return;
    // Which protocol it was is not said; the longest it can be is.
    const auto longest = *std::ranges::max_element(lasting_.ticks);
    busy(handle.slot, Tick::floor(last_seen), std::max(longest, lasting(L4Proto::Tcp, host)));
}

// ---- timers ----

Clock::time_point KernelBackend::expire(Clock::time_point now,
                                        Budget budget,
                                        Originator& /*originator*/) noexcept {
    const auto tick = Tick::floor(now);
    std::array<std::uint32_t, 64> due{};
    for (auto left = budget.slots; left > 0;) {
        const auto asked = std::min(left, due.size());
        const auto count = hosts_.take_due(tick, std::span{due}.first(asked));
        for (std::size_t i = 0; i < count; ++i) {
            const auto slot = due[i];
            if (slot == kNone) continue;
            if (tables::before(tick, hosts_[slot].busy_until))
                hosts_.keep(slot);
            else
                end(slot, EventReason::Expired, now);
        }
        if (count < asked) break;
        left -= count;
    }
    const auto next = hosts_.next_due();
    return next ? next->start() : Clock::time_point::max();
}

// ---- beginning and end ----

void KernelBackend::begin(std::uint32_t slot,
                          L4Proto protocol,
                          EventReason reason,
                          Clock::time_point now) noexcept {
    hosts_[slot].protocol = protocol;
    counters_.bindings_created[static_cast<std::size_t>(protocol)].add();
    emit(EventKind::BindingCreated, reason, slot, now);
}

void KernelBackend::end(std::uint32_t slot,
                        EventReason reason,
                        Clock::time_point now) noexcept {
    counters_.bindings_deleted[static_cast<std::size_t>(hosts_[slot].protocol)].add();
    emit(EventKind::BindingDeleted, reason, slot, now);
    hosts_.release(slot);
}

void KernelBackend::emit(EventKind kind,
                         EventReason reason,
                         std::uint32_t slot,
                         Clock::time_point now) noexcept {
    if (sink_ == nullptr) return;
    const auto b = binding(slot, Port{});
    sink_->on_event({.kind = kind,
                     .reason = reason,
                     .protocol = hosts_[slot].protocol,
                     .state = {},
                     .when = now,
                     .client6 = b.client6,
                     .mapped4 = b.mapped4,
                     .server4 = {},
                     .handle = b.handle,
                     .whole_host = true});
}

void KernelBackend::set_event_sink(EventSink* sink) noexcept {
    sink_ = sink;
}

void KernelBackend::hold(Ipv4Addr inner4, Clock::time_point until) noexcept {
    hosts_.hold(inner4, Tick::floor(until));
}

} // namespace nat64::kernel
