// SPDX-License-Identifier: Apache-2.0
// Both forms show the same numbers; the table leaves out those that are zero.
#include "cli/replay_summary.hpp"

#include "cli/table.hpp"
#include "core/net/transport.hpp"
#include "core/verdict.hpp"

#include <array>
#include <chrono>
#include <ostream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <boost/json.hpp>
#include <fmt/format.h>

namespace nat64::cli {

namespace {

constexpr std::array kProtocols{L4Proto::Tcp, L4Proto::Udp, L4Proto::Icmp};

constexpr std::string_view name_of_direction(Direction direction) {
    return direction == Direction::Outbound ? "outbound" : "inbound";
}

struct Row {
    std::string_view name; ///< of the JSON key, too
    std::uint64_t value;
    std::string_view help;
};

std::vector<Row> capture_rows(const CaptureCounts& capture) {
    return {
        {"frames", capture.frames, "in the capture"},
        {"not_ip", capture.not_ip, "frames that carry something else than IP"},
        {"truncated", capture.truncated, "cut short by the capture's snap length, left out"},
        {"too_long", capture.too_long, "longer than an IP packet can be, left out"},
        {"written", capture.written, "packets written"},
    };
}

std::vector<Row> path_rows(const Counters& counters) {
    return {
        {"received", counters.received.value(), "packets handed to the translator"},
        {"emitted", counters.emitted.value(), "packets that left it"},
        {"hairpinned", counters.hairpinned.value(), "went round from client to client"},
        {"held", counters.held.value(), "kept for a while (fragments, SYNs)"},
        {"released", counters.released.value(), "of those, went on"},
        {"fragmented", counters.fragmented.value(), "cut into fragments here"},
        {"icmp_errors_sent", counters.icmp_errors_sent.value(), "ICMP errors originated"},
        {"icmp_errors_limited", counters.icmp_errors_limited.value(), "not sent: icmp.rate"},
        {"tcp_probes", counters.tcp_probes.value(), "asked a silent connection's client"},
    };
}

void add_rows(Table& table, const std::vector<Row>& rows) {
    for (const auto& row : rows)
        if (row.value != 0)
            table.row(
                {std::string{row.name}, std::to_string(row.value), std::string{row.help}});
}

void add_translated(Table& table, const Counters& counters) {
    for (const auto direction : {Direction::Outbound, Direction::Inbound}) {
        for (const auto protocol : kProtocols) {
            const auto& traffic = counters.translated[static_cast<std::size_t>(direction)]
                                                     [static_cast<std::size_t>(protocol)];
            if (traffic.packets.value() == 0) continue;
            table.row({fmt::format(
                           "translated {} {}", name_of_direction(direction), name_of(protocol)),
                       std::to_string(traffic.packets.value()),
                       fmt::format("{} bytes", traffic.bytes.value())});
        }
    }
}

using PerProtocol = std::array<Counter, kL4ProtoCount>;

void add_states(Table& table,
                std::string_view name,
                const PerProtocol& created,
                const PerProtocol& deleted) {
    for (const auto protocol : kProtocols) {
        const auto i = static_cast<std::size_t>(protocol);
        if (created[i].value() == 0) continue;
        table.row({fmt::format("{} {}", name, name_of(protocol)),
                   std::to_string(created[i].value()),
                   fmt::format("{} of them gone again", deleted[i].value())});
    }
}

boost::json::object by_protocol(const PerProtocol& counts) {
    boost::json::object object;
    for (const auto protocol : kProtocols)
        object[name_of(protocol)] = counts[static_cast<std::size_t>(protocol)].value();
    return object;
}

boost::json::object translated_json(const Counters& counters, Direction direction) {
    boost::json::object object;
    for (const auto protocol : kProtocols) {
        const auto& traffic = counters.translated[static_cast<std::size_t>(direction)]
                                                 [static_cast<std::size_t>(protocol)];
        object[name_of(protocol)] = {{"packets", traffic.packets.value()},
                                     {"bytes", traffic.bytes.value()}};
    }
    return object;
}

double seconds(Clock::duration duration) {
    return std::chrono::duration<double>{duration}.count();
}

} // namespace

void print_table(const CaptureCounts& capture, const Counters& counters, std::ostream& out) {
    Table table{{{"counter"}, {"count", Align::Right}, {"meaning"}}, out};
    add_rows(table, capture_rows(capture));
    add_rows(table, path_rows(counters));
    add_translated(table, counters);
    add_states(table, "bindings", counters.bindings_created, counters.bindings_deleted);
    add_states(table, "sessions", counters.sessions_created, counters.sessions_deleted);
    for (std::size_t i = 0; i < kDropReasonCount; ++i) {
        const auto count = counters.drops[i].value();
        if (count == 0) continue;
        table.row({fmt::format("dropped {}", kDropReasons[i].label),
                   std::to_string(count),
                   std::string{kDropReasons[i].help}});
    }
    table.finish();
    out << fmt::format("{:.6f} seconds of virtual time\n", seconds(capture.duration));
}

void print_json(const CaptureCounts& capture, const Counters& counters, std::ostream& out) {
    boost::json::object object;
    for (const auto& row : capture_rows(capture))
        object[row.name] = row.value;
    for (const auto& row : path_rows(counters))
        object[row.name] = row.value;
    object["seconds"] = seconds(capture.duration);
    object["translated"] = {{"outbound", translated_json(counters, Direction::Outbound)},
                            {"inbound", translated_json(counters, Direction::Inbound)}};
    object["bindings_created"] = by_protocol(counters.bindings_created);
    object["bindings_deleted"] = by_protocol(counters.bindings_deleted);
    object["sessions_created"] = by_protocol(counters.sessions_created);
    object["sessions_deleted"] = by_protocol(counters.sessions_deleted);
    boost::json::object drops;
    for (std::size_t i = 0; i < kDropReasonCount; ++i)
        if (const auto count = counters.drops[i].value(); count != 0)
            drops[kDropReasons[i].label] = count;
    object["drops"] = std::move(drops);
    out << boost::json::serialize(object) << '\n';
}

} // namespace nat64::cli
