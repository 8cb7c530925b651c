// SPDX-License-Identifier: Apache-2.0
#include "tests/invariants/audit.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <utility>
#include <vector>

namespace nat64::test {

namespace {

using Key6 = std::pair<L4Proto, Endpoint6>;
using Key4 = std::pair<L4Proto, Endpoint4>;

/// Rows by the hundred, however many there are.
template <typename Row, typename Read>
std::vector<Row> all_rows(const Read& read) {
    std::vector<Row> all;
    std::vector<Row> some;
    some.reserve(256);
    std::optional<Cursor> cursor = 0;
    while (cursor) {
        some.clear();
        cursor = read(*cursor, some);
        all.insert(all.end(), some.begin(), some.end());
    }
    return all;
}

std::string text(L4Proto protocol, const Endpoint6& client6, const Endpoint4& mapped4) {
    return std::string{name_of(protocol)} + ' ' + client6.to_string() + " as " +
           mapped4.to_string();
}

Clock::duration longest(L4Proto protocol, const Timeouts& timeouts) {
    switch (protocol) {
    case L4Proto::Udp:
        return timeouts.udp;
    case L4Proto::Tcp:
        return std::max(timeouts.tcp_established, timeouts.tcp_transitory);
    case L4Proto::Icmp:
        return timeouts.icmp;
    }
    return {};
}

class Audit {
public:
    Audit(const NaptBackend& backend,
          const NaptSettings& settings,
          const Counters& counters,
          Clock::time_point now)
        : backend_{backend}, settings_{settings}, counters_{counters}, now_{now} {}

    std::string run() {
        bindings_ = all_rows<BindingRow>([&](Cursor from, auto& rows) {
            return backend_.snapshot(from, Filter{}, Budget{}, rows);
        });
        sessions_ = all_rows<SessionRow>([&](Cursor from, auto& rows) {
            return backend_.snapshot(from, Filter{}, Budget{}, now_, rows);
        });
        for (auto check : {&Audit::check_bindings,
                           &Audit::check_sessions,
                           &Audit::check_numbers,
                           &Audit::check_ports})
            if (auto bad = (this->*check)(); !bad.empty()) return bad;
        return {};
    }

private:
    std::string check_bindings() {
        std::map<Key4, std::size_t> mapped;
        for (const auto& row : bindings_) {
            const auto what = [&] { return text(row.protocol, row.client6, row.mapped4); };
            if (++mapped[{row.protocol, row.mapped4}] > 1)
                return "two bindings share a transport address: " + what();
            if (!by_client_.emplace(Key6{row.protocol, row.client6}, row).second)
                return "a client has two bindings: " + what();
            const auto outbound = backend_.find_by_client(row.protocol, row.client6);
            if (!outbound || outbound->mapped4 != row.mapped4)
                return "not found from the IPv6 side: " + what();
            const auto inbound = backend_.find_by_mapped(row.protocol, row.mapped4);
            if (!inbound || inbound->client6 != row.client6)
                return "not found from the IPv4 side: " + what();
            if (!backend_.owns(row.mapped4.address)) return "not of the pool: " + what();
        }
        return {};
    }

    std::string check_sessions() {
        if (!backend_.capabilities().lists_sessions) return {};
        std::map<Key6, std::uint32_t> count;
        for (const auto& row : sessions_) {
            const auto what = [&] {
                return text(row.protocol, row.client6, row.mapped4) + " to " +
                       row.server4.to_string();
            };
            const auto binding = by_client_.find({row.protocol, row.client6});
            if (binding == by_client_.end()) return "a session without binding: " + what();
            if (binding->second.mapped4 != row.mapped4)
                return "a session mapped elsewhere: " + what();
            // A session that was refreshed in mid-tick lasts from the next one on.
            if (row.expires_in > longest(row.protocol, settings_.timeouts) + 2 * Tick::kLength)
                return "a session outlives its lifetime: " + what();
            ++count[{row.protocol, row.client6}];
        }
        for (const auto& row : bindings_) {
            const auto n = count[{row.protocol, row.client6}];
            const auto what = [&] { return text(row.protocol, row.client6, row.mapped4); };
            if (n != row.sessions) return "sessions of a binding are not as counted: " + what();
            if (n == 0 && !row.is_static) return "a binding outlives its sessions: " + what();
        }
        return {};
    }

    std::string check_numbers() {
        std::array<std::uint64_t, kL4ProtoCount> bindings{};
        std::array<std::uint64_t, kL4ProtoCount> sessions{};
        for (const auto& row : bindings_)
            ++bindings[static_cast<std::size_t>(row.protocol)];
        for (const auto& row : sessions_)
            ++sessions[static_cast<std::size_t>(row.protocol)];
        for (std::size_t p = 0; p < kL4ProtoCount; ++p) {
            if (counters_.bindings_created[p].value() - counters_.bindings_deleted[p].value() !=
                bindings[p])
                return "bindings created and deleted do not make those that are there";
            if (!backend_.capabilities().lists_sessions) continue;
            if (counters_.sessions_created[p].value() - counters_.sessions_deleted[p].value() !=
                sessions[p])
                return "sessions created and deleted do not make those that are there";
        }
        if (sessions_.size() > settings_.limits.sessions) return "more sessions than allowed";
        return {};
    }

    /// Where ports are given out one by one: those in use are those of bindings that lie in the
    /// pool's ranges, but for whole-host statics.
    std::string check_ports() {
        if (!backend_.capabilities().port_limits) return {};
        std::map<std::pair<Ipv4Addr, L4Proto>, std::uint32_t> used;
        for (const auto& row : bindings_)
            if (from_pool(row)) ++used[{row.mapped4.address, row.protocol}];
        std::vector<PoolRow> rows;
        backend_.pool_usage(rows);
        for (const auto& row : rows) {
            if (row.used + row.held_back > row.total)
                return "more ports than there are: " + row.address.to_string();
            if (used[{row.address, row.protocol}] != row.used)
                return "ports in use are not those of bindings: " + row.address.to_string() +
                       ' ' + std::string{name_of(row.protocol)};
        }
        return {};
    }

    [[nodiscard]] bool from_pool(const BindingRow& row) const {
        const auto whole_host =
            std::ranges::any_of(settings_.statics, [&](const StaticItem& item) {
                return !item.protocol && item.mapped4.address == row.mapped4.address;
            });
        return !whole_host && std::ranges::any_of(settings_.pool, [&](const PoolItem& item) {
            return item.prefix.contains(row.mapped4.address) &&
                   item.ports.first <= row.mapped4.port && row.mapped4.port <= item.ports.last;
        });
    }

    const NaptBackend& backend_;
    const NaptSettings& settings_;
    const Counters& counters_;
    Clock::time_point now_;
    std::vector<BindingRow> bindings_;
    std::vector<SessionRow> sessions_;
    std::map<Key6, BindingRow> by_client_;
};

std::uint64_t dropped(const Counters& counters) {
    std::uint64_t sum = 0;
    for (const auto& drop : counters.drops)
        sum += drop.value();
    return sum;
}

std::uint64_t translated(const Counters& counters) {
    std::uint64_t sum = 0;
    for (const auto& direction : counters.translated)
        for (const auto& traffic : direction)
            sum += traffic.packets.value();
    return sum;
}

} // namespace

std::int64_t unaccounted(const Counters& counters) {
    return static_cast<std::int64_t>(counters.received.value() + counters.hairpinned.value() -
                                     translated(counters) - dropped(counters));
}

std::string books(const Counters& counters) {
    auto text = "received " + std::to_string(counters.received.value()) + ", hairpinned " +
                std::to_string(counters.hairpinned.value()) + ", translated " +
                std::to_string(translated(counters)) + ", held " +
                std::to_string(counters.held.value()) + ", released " +
                std::to_string(counters.released.value());
    for (std::size_t i = 0; i < kDropReasonCount; ++i)
        if (const auto count = counters.drops[i].value(); count > 0)
            text += ", " + std::string{kDropReasons[i].label} + ' ' + std::to_string(count);
    return text;
}

std::string check_books(const Counters& counters, std::uint64_t emitted) {
    const auto open = unaccounted(counters);
    const auto held =
        static_cast<std::int64_t>(counters.held.value() - counters.released.value());
    if (open < 0) return "packets are accounted for twice: " + books(counters);
    if (open > held)
        return std::to_string(open) + " packets are lost without a trace: " + books(counters);
    if (counters.emitted.value() != emitted)
        return "emitted " + std::to_string(emitted) + " packets, counted " +
               std::to_string(counters.emitted.value());
    return {};
}

std::string audit(const NaptBackend& backend,
                  const NaptSettings& settings,
                  const Counters& counters,
                  Clock::time_point now) {
    return Audit{backend, settings, counters, now}.run();
}

} // namespace nat64::test
