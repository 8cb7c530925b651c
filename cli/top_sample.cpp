// SPDX-License-Identifier: Apache-2.0
// One function a listing.
#include "cli/top_sample.hpp"

#include "cli/show_listings.hpp"

#include <utility>

#include <boost/json.hpp>

namespace nat64::cli {

namespace json = boost::json;

namespace {

DirectionTotals totals(const json::object& protocol, const std::string& direction) {
    return {number(protocol, direction + ".packets"), number(protocol, direction + ".bytes")};
}

ProtocolTotals protocol_totals(const json::object& item) {
    return {.name = text(item, "protocol"),
            .sessions = number(item, "sessions"),
            .bindings = number(item, "bindings"),
            .sessions_created = number(item, "created.sessions"),
            .bindings_created = number(item, "created.bindings"),
            .ports = number(item, "ports.total"),
            .ports_used = number(item, "ports.used"),
            .outbound = totals(item, "outbound"),
            .inbound = totals(item, "inbound")};
}

/// The objects of a list; none if it is no list.
std::vector<const json::object*> objects(const json::object& item, std::string_view member) {
    std::vector<const json::object*> found;
    const json::value* list = item.if_contains(member);
    if (list == nullptr || !list->is_array()) return found;
    for (const json::value& value : list->get_array())
        if (value.is_object()) found.push_back(&value.get_object());
    return found;
}

std::string prefixes(const json::object& item) {
    const json::value* pool = item.if_contains("pool");
    const json::value* list = pool != nullptr && pool->is_object()
                                  ? pool->get_object().if_contains("prefixes")
                                  : nullptr;
    std::string all;
    if (list != nullptr && list->is_array())
        for (const json::value& prefix : list->get_array())
            if (prefix.is_string())
                all += (all.empty() ? "" : " ") + std::string{prefix.get_string().c_str()};
    return all;
}

} // namespace

void take_status(const json::object& item, Sample& sample) {
    sample.version = text(item, "version");
    sample.napt = text(item, "napt");
    sample.prefix = text(item, "prefix");
    sample.pool = prefixes(item);
    sample.pid = number(item, "pid");
    sample.uptime = number(item, "uptime");
    sample.sessions = number(item, "sessions");
    sample.bindings = number(item, "bindings");
    sample.received = number(item, "packets.received");
    sample.emitted = number(item, "packets.emitted");
    sample.dropped = number(item, "packets.dropped");
    sample.pool_addresses = number(item, "pool.addresses");
    for (const json::object* protocol : objects(item, "protocols"))
        sample.protocols.push_back(protocol_totals(*protocol));
}

void take_pool(const json::object& item, Sample& sample) {
    sample.pools.push_back({.address = text(item, "address"),
                            .protocol = text(item, "protocol"),
                            .total = number(item, "total"),
                            .used = number(item, "used"),
                            .clients = number(item, "clients")});
}

void take_drop(const json::object& item, Sample& sample) {
    sample.drops.push_back({.reason = text(item, "reason"),
                            .help = text(item, "help"),
                            .packets = number(item, "packets")});
}

void take_client(const json::object& item, Sample& sample) {
    ClientUse client{.client = text(item, "client"),
                     .sessions = number(item, "sessions"),
                     .ports = {},
                     .bindings = {}};
    if (item.contains("ports")) client.ports = number(item, "ports");
    if (item.contains("bindings")) client.bindings = number(item, "bindings");
    sample.clients.push_back(std::move(client));
}

} // namespace nat64::cli
