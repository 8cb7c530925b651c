// SPDX-License-Identifier: Apache-2.0
#include "tests/simulation/host_book.hpp"

#include "backends/kernel/kernel_backend.hpp"

#include <algorithm>
#include <vector>

namespace nat64::simulation {

namespace {

using rfc6146::Side;

/// How much longer than conntrack's timeout a host may stay: what the backend adds for clocks
/// that differ, and a tick each for rounding packet and timer.
constexpr auto kSlack = kernel::KernelBackend::kMargin + 3 * Tick::kLength;

} // namespace

HostBook::HostBook(const InForce& in_force)
    : in_force_{in_force}, longest_{in_force.napt.timeouts} {
    for (const auto& item : in_force_.napt.statics) {
        hosts_[item.client6.address] = {item.mapped4.address, {}, {}};
        clients_[item.mapped4.address.bits()] = item.client6.address;
    }
}

bool HostBook::is_static(const Ipv6Addr& client6) const {
    return in_force_.static_of(L4Proto::Udp, {client6, {}}) != nullptr;
}

void HostBook::changed() {
    const auto& now = in_force_.napt.timeouts;
    longest_.udp = std::max(longest_.udp, now.udp);
    longest_.icmp = std::max(longest_.icmp, now.icmp);
    longest_.tcp_established = std::max(longest_.tcp_established, now.tcp_established);
    longest_.tcp_transitory = std::max(longest_.tcp_transitory, now.tcp_transitory);
}

// ---- what the backend says ----

void HostBook::on_event(const Event& event) noexcept {
    if (event.kind == EventKind::BindingCreated)
        created(event);
    else if (event.kind == EventKind::BindingDeleted)
        deleted(event);
    else
        complain("there are no sessions here: " + event.client6.to_string());
}

void HostBook::created(const Event& event) {
    const auto& client6 = event.client6.address;
    const auto inner4 = event.mapped4.address;
    if (!event.whole_host) complain("no whole host: " + client6.to_string());
    if (!clients_.emplace(inner4.bits(), client6).second)
        complain("two hosts share an inner address: " + inner4.to_string());
    const Host host{inner4, event.when, event.when + kSlack};
    if (!hosts_.emplace(client6, host).second)
        complain("a host has two inner addresses: " + client6.to_string());
    const auto& limits = in_force_.napt.limits;
    const auto count = ++addresses_[client6.truncated(limits.client_prefix)];
    if (limits.addresses_per_client != 0 && count > limits.addresses_per_client)
        complain("more than limits.addresses_per_client: " + client6.to_string());
}

void HostBook::deleted(const Event& event) {
    const auto& client6 = event.client6.address;
    const auto found = hosts_.find(client6);
    if (found == hosts_.end() || found->second.inner4 != event.mapped4.address)
        return complain("a host goes that was not there: " + client6.to_string());
    const auto& host = found->second;
    if (is_static(client6)) complain("a static host goes: " + client6.to_string());
    if (event.when < host.not_before)
        complain("conntrack may still have flows of " + client6.to_string());
    if (event.when > host.not_after) complain("goes late: " + client6.to_string());
    clients_.erase(host.inner4.bits());
    hosts_.erase(found);
    const auto prefix = client6.truncated(in_force_.napt.limits.client_prefix);
    if (--addresses_[prefix] == 0) addresses_.erase(prefix);
}

// ---- what the packets mean ----

/// As conntrack sees it: a connection is one from the answer to its SYN on, and every packet
/// gives its flow a whole timeout more.
void HostBook::packet(SessionKey key, Side side, TcpFlags tcp, Clock::time_point now) {
    const auto found = hosts_.find(key.client6.address);
    if (found == hosts_.end()) return;
    auto& host = found->second;
    const auto& timeouts = in_force_.napt.timeouts;
    auto least = key.protocol == L4Proto::Udp ? timeouts.udp : timeouts.icmp;
    auto most = key.protocol == L4Proto::Udp ? longest_.udp : longest_.icmp;
    if (key.protocol == L4Proto::Tcp) {
        if (side == Side::V4 && !tcp.rst()) host.answered.insert(key);
        const bool open = host.answered.contains(key) && !tcp.syn() && !tcp.rst();
        least = open ? timeouts.tcp_established : timeouts.tcp_transitory;
        most = host.answered.empty() ? longest_.tcp_transitory : longest_.tcp_established;
    }
    host.not_before = std::max(host.not_before, now + least);
    host.not_after = std::max(host.not_after, now + most + kSlack);
}

/// No state here, so the policy is asked about every packet.
bool HostBook::lives(SessionKey key) const {
    return hosts_.contains(key.client6.address) &&
           !in_force_.rules.forbid(key.client6.address, key.server4.address);
}

std::optional<Endpoint4> HostBook::mapped(L4Proto /*protocol*/,
                                          const Endpoint6& client6) const {
    const auto found = hosts_.find(client6.address);
    if (found == hosts_.end()) return std::nullopt;
    return Endpoint4{found->second.inner4, client6.port};
}

std::optional<Endpoint6> HostBook::client(L4Proto /*protocol*/,
                                          const Endpoint4& mapped4) const {
    const auto found = clients_.find(mapped4.address.bits());
    if (found == clients_.end()) return std::nullopt;
    return Endpoint6{found->second, mapped4.port};
}

// ---- everything at once ----

bool HostBook::is_empty() const {
    return std::ranges::all_of(hosts_, [&](const auto& host) { return is_static(host.first); });
}

std::string HostBook::check(const NaptBackend& backend, Clock::time_point now) {
    for (const auto& [client6, host] : hosts_)
        if (now > host.not_after && !is_static(client6))
            return "outlives its flows: " + client6.to_string();
    std::vector<BindingRow> rows;
    rows.reserve(4096);
    std::size_t seen = 0;
    for (std::optional<Cursor> cursor = 0; cursor; seen += rows.size()) {
        rows.clear();
        cursor = backend.snapshot(*cursor, Filter{}, Budget{}, rows);
        for (const auto& row : rows) {
            const auto found = hosts_.find(row.client6.address);
            if (found == hosts_.end() || found->second.inner4 != row.mapped4.address)
                return "unknown host: " + row.client6.to_string();
        }
    }
    return seen == hosts_.size() ? "" : "hosts are not listed";
}

} // namespace nat64::simulation
