// SPDX-License-Identifier: Apache-2.0
// Counters are read while they move: each value is one that was true, sums of several may be a
// packet apart.
#include "service/control_status.hpp"

#include "config/config.hpp"
#include "core/clock.hpp"
#include "core/counters.hpp"
#include "core/napt_settings.hpp"
#include "core/net/transport.hpp"
#include "core/verdict.hpp"
#include "service/daemon_changes.hpp"
#include "service/session_reader.hpp"

#include <chrono>
#include <cstddef>
#include <numeric>
#include <utility>

#include <boost/json.hpp>
#include <fmt/format.h>

#include <unistd.h>

namespace nat64::service {

namespace json = boost::json;

namespace {

constexpr std::array kProtocols = {L4Proto::Tcp, L4Proto::Udp, L4Proto::Icmp};

/// How many there are: created less deleted. Deletions are read first, so that none is counted
/// whose creation is not.
std::uint64_t alive(const std::array<Counter, kL4ProtoCount>& created,
                    const std::array<Counter, kL4ProtoCount>& deleted,
                    L4Proto protocol) {
    const auto index = static_cast<std::size_t>(protocol);
    const std::uint64_t gone = deleted[index].value();
    const std::uint64_t made = created[index].value();
    return made > gone ? made - gone : 0;
}

/// How many have ever begun. Of sessions that are not ours nobody has counted it.
json::object created(const Counters& counters, L4Proto protocol) {
    const auto index = static_cast<std::size_t>(protocol);
    return {{"sessions", counters.sessions_created[index].value()},
            {"bindings", counters.bindings_created[index].value()}};
}

json::object traffic(const Counters& counters, Direction direction, L4Proto protocol) {
    const Traffic& counted = counters.translated[static_cast<std::size_t>(direction)]
                                                [static_cast<std::size_t>(protocol)];
    return {{"packets", counted.packets.value()}, {"bytes", counted.bytes.value()}};
}

json::object ports(const PoolSum& pool, L4Proto protocol) {
    const PoolSum::Ports& sum = pool.ports[static_cast<std::size_t>(protocol)];
    return {{"total", sum.total}, {"used", sum.used}, {"held_back", sum.held_back}};
}

SessionSum all_sessions(const Counters& counters) {
    SessionSum sum{};
    for (const L4Proto protocol : kProtocols)
        sum[static_cast<std::size_t>(protocol)] = sessions_now(counters, protocol);
    return sum;
}

json::object protocol_object(const DaemonView& view,
                             const PoolSum& pool,
                             const SessionSum& sessions,
                             L4Proto protocol) {
    json::object object{{"protocol", name_of(protocol)},
                        {"sessions", sessions[static_cast<std::size_t>(protocol)]},
                        {"bindings", bindings_now(view.counters, protocol)},
                        {"created", created(view.counters, protocol)},
                        {"outbound", traffic(view.counters, Direction::Outbound, protocol)},
                        {"inbound", traffic(view.counters, Direction::Inbound, protocol)}};
    if (!pool.whole_hosts) object["ports"] = ports(pool, protocol);
    return object;
}

json::object packets_object(const DaemonView& view) {
    const Counters& counters = view.counters;
    const DropSum by_rules = refused_drops(view);
    const std::uint64_t refused = std::reduce(by_rules.begin(), by_rules.end());
    std::uint64_t dropped = refused;
    for (const Counter& drop : counters.drops)
        dropped += drop.value();
    return {{"received", counters.received.value()},
            {"emitted", counters.emitted.value()},
            {"dropped", dropped},
            {"refused", refused},
            {"held", counters.held.value()},
            {"released", counters.released.value()},
            {"hairpinned", counters.hairpinned.value()},
            {"fragmented", counters.fragmented.value()}};
}

json::object pool_object(const config::Config& config, const PoolSum& pool) {
    json::array prefixes;
    for (const PoolItem& item : config.napt.pool)
        prefixes.emplace_back(item.prefix.to_string());
    const auto& hosts = pool.whole_hosts;
    if (!hosts || !hosts->whole_hosts)
        return {{"prefixes", std::move(prefixes)}, {"addresses", pool.addresses}};
    return {{"prefixes", {hosts->whole_hosts->to_string()}},
            {"addresses", hosts->total},
            {"used", hosts->used},
            {"held_back", hosts->held_back}};
}

std::int64_t seconds_since(const DaemonView& view, Clock::time_point then) {
    return std::chrono::duration_cast<std::chrono::seconds>(view.now() - then).count();
}

const char* name_of_result(ReloadResult result) {
    switch (result) {
    case ReloadResult::Applied:
        return "applied";
    case ReloadResult::Unchanged:
        return "unchanged";
    case ReloadResult::Refused:
        return "refused";
    }
    return "?";
}

json::array warnings(const DaemonView& view) {
    json::array lines;
    if (view.warnings)
        for (const auto& line : view.warnings())
            lines.emplace_back(line);
    return lines;
}

/// null before the first.
json::value reload_object(const DaemonView& view) {
    if (view.changes == nullptr) return nullptr;
    const auto& last = view.changes->last_reload();
    if (!last) return nullptr;
    json::object object{{"ago", seconds_since(view, last->when)},
                        {"result", name_of_result(last->result)},
                        {"changes", last->changes}};
    if (last->result == ReloadResult::Refused) object["refusal"] = last->refusal;
    return object;
}

} // namespace

std::uint64_t sessions_now(const Counters& counters, L4Proto protocol) {
    return alive(counters.sessions_created, counters.sessions_deleted, protocol);
}

std::uint64_t bindings_now(const Counters& counters, L4Proto protocol) {
    return alive(counters.bindings_created, counters.bindings_deleted, protocol);
}

void PoolSum::add(const PoolRow& row) {
    if (row.whole_hosts) {
        whole_hosts = row;
        addresses = row.total;
        return;
    }
    Ports& sum = ports[static_cast<std::size_t>(row.protocol)];
    sum.total += row.total;
    sum.used += row.used;
    sum.held_back += row.held_back;
    if (last_ != row.address) ++addresses;
    last_ = row.address;
}

std::string status_json(const DaemonView& view,
                        const PoolSum& pool,
                        const std::optional<CountedSessions>& counted) {
    const Counters& counters = view.counters;
    const SessionSum sessions = counted ? counted->sessions : all_sessions(counters);
    json::array protocols;
    std::uint64_t all_bindings = 0;
    for (const L4Proto protocol : kProtocols) {
        protocols.emplace_back(protocol_object(view, pool, sessions, protocol));
        all_bindings += bindings_now(counters, protocol);
    }
    json::object status{{"version", NAT64_VERSION},
                        {"pid", ::getpid()},
                        {"uptime", seconds_since(view, view.started)},
                        {"napt", config::name_of(view.config.napt_mode)},
                        {"prefix", view.config.translator.prefix.to_string()},
                        {"pool", pool_object(view.config, pool)},
                        {"tun",
                         {{"name", view.device.tun_name},
                          {"tcp_segmentation", view.device.tcp_segmentation},
                          {"udp_segmentation", view.device.udp_segmentation}}},
                        {"sessions", sessions[0] + sessions[1] + sessions[2]},
                        {"bindings", all_bindings},
                        {"protocols", std::move(protocols)},
                        {"packets", packets_object(view)},
                        {"icmp_errors",
                         {{"sent", counters.icmp_errors_sent.value()},
                          {"limited", counters.icmp_errors_limited.value()}}},
                        {"tcp_probes", counters.tcp_probes.value()},
                        {"reload", reload_object(view)},
                        {"warnings", warnings(view)}};
    if (counted) status["sessions_age"] = seconds_since(view, counted->when);
    return json::serialize(status);
}

} // namespace nat64::service
