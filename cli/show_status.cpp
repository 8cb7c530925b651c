// SPDX-License-Identifier: Apache-2.0
// A few lines about the daemon, then one table with a row for each protocol.
#include "cli/show_status.hpp"

#include "cli/show_listings.hpp"
#include "cli/show_units.hpp"
#include "cli/table.hpp"

#include <algorithm>
#include <ostream>
#include <string>

#include <boost/json.hpp>
#include <fmt/format.h>
#include <fmt/ostream.h>

namespace nat64::cli {

namespace json = boost::json;

namespace {

std::string pool_line(const json::object& status) {
    std::string prefixes;
    const json::value* pool = status.if_contains("pool");
    const json::value* list = pool != nullptr && pool->is_object()
                                  ? pool->get_object().if_contains("prefixes")
                                  : nullptr;
    if (list != nullptr && list->is_array())
        for (const json::value& prefix : list->get_array())
            if (prefix.is_string())
                prefixes += fmt::format(
                    "{}{}", prefixes.empty() ? "" : ", ", prefix.get_string().c_str());
    const auto addresses = static_cast<std::uint64_t>(number(status, "pool.addresses"));
    const auto used = text(status, "pool.used");
    return fmt::format("{} ({} address{}{})",
                       prefixes,
                       addresses,
                       addresses == 1 ? "" : "es",
                       used.empty() ? "" : fmt::format(", {} used", used));
}

std::string tun_line(const json::object& status) {
    const bool tcp = text(status, "tun.tcp_segmentation") == "true";
    const bool udp = text(status, "tun.udp_segmentation") == "true";
    const char* offloads = tcp && udp ? "TCP and UDP" : tcp ? "TCP" : udp ? "UDP" : "none";
    return fmt::format("{} (segmentation offload: {})", text(status, "tun.name"), offloads);
}

std::string packets_line(const json::object& status) {
    return fmt::format("{} received, {} emitted, {} dropped, {} held, {} hairpinned, {} "
                       "fragmented",
                       text(status, "packets.received"),
                       text(status, "packets.emitted"),
                       text(status, "packets.dropped"),
                       text(status, "packets.held"),
                       text(status, "packets.hairpinned"),
                       text(status, "packets.fragmented"));
}

/// Empty before the first reload.
std::string reload_line(const json::object& status) {
    const auto result = text(status, "reload.result");
    if (result.empty()) return {};
    const auto changes = static_cast<std::uint64_t>(number(status, "reload.changes"));
    const auto ago = human_duration(number(status, "reload.ago"));
    auto line = fmt::format("{} {} ago", result, ago);
    if (result == "applied")
        line += fmt::format(", {} change{}", changes, changes == 1 ? "" : "s");
    auto refusal = text(status, "reload.refusal");
    std::ranges::replace(refusal, '\n', ' ');
    return refusal.empty() ? line : line + ": " + refusal;
}

void print_line(std::ostream& out, const char* name, const std::string& value) {
    fmt::print(out, "{:<12}{}\n", name, value);
}

std::string volume(const json::object& protocol, const std::string& direction) {
    return human_bytes(static_cast<std::uint64_t>(number(protocol, direction + ".bytes")));
}

void print_protocols(const json::array& protocols, std::ostream& out) {
    Table table{{{"PROTOCOL"},
                 {"SESSIONS", Align::Right},
                 {"BINDINGS", Align::Right},
                 {"PORTS USED", Align::Right},
                 {"OF", Align::Right},
                 {"6>4 PACKETS", Align::Right},
                 {"6>4 BYTES", Align::Right},
                 {"4>6 PACKETS", Align::Right},
                 {"4>6 BYTES", Align::Right}},
                out};
    for (const json::value& value : protocols) {
        const json::object* protocol = value.if_object();
        if (protocol == nullptr) continue;
        table.row({text(*protocol, "protocol"),
                   text(*protocol, "sessions"),
                   text(*protocol, "bindings"),
                   text(*protocol, "ports.used"),
                   text(*protocol, "ports.total"),
                   text(*protocol, "outbound.packets"),
                   volume(*protocol, "outbound"),
                   text(*protocol, "inbound.packets"),
                   volume(*protocol, "inbound")});
    }
    table.finish();
}

} // namespace

void print_status(const json::object& status, std::ostream& out) {
    fmt::print(out,
               "nat64 {}, process {}, up {}\n\n",
               text(status, "version"),
               text(status, "pid"),
               human_duration(number(status, "uptime")));
    print_line(out, "prefix", text(status, "prefix"));
    print_line(out, "napt", text(status, "napt"));
    print_line(out, "pool", pool_line(status));
    print_line(out, "tun", tun_line(status));
    print_line(out, "packets", packets_line(status));
    print_line(out,
               "ICMP errors",
               fmt::format("{} sent, {} held back by icmp.rate",
                           text(status, "icmp_errors.sent"),
                           text(status, "icmp_errors.limited")));
    if (const double age = number(status, "sessions_age"); age > 0)
        print_line(out, "sessions", fmt::format("counted {} ago", human_duration(age)));
    if (const auto reload = reload_line(status); !reload.empty())
        print_line(out, "reload", reload);
    const json::value* warnings = status.if_contains("warnings");
    if (warnings != nullptr && warnings->is_array())
        for (const json::value& warning : warnings->get_array())
            if (warning.is_string()) print_line(out, "WARNING", warning.get_string().c_str());
    out << '\n';
    const json::value* protocols = status.if_contains("protocols");
    if (protocols != nullptr && protocols->is_array())
        print_protocols(protocols->get_array(), out);
}

} // namespace nat64::cli
