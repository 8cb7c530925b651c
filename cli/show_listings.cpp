// SPDX-License-Identifier: Apache-2.0
// One function and one table row a listing.
#include "cli/show_listings.hpp"

#include "cli/show_units.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <stdexcept>

#include <boost/json.hpp>
#include <fmt/format.h>

namespace nat64::cli {

namespace json = boost::json;

namespace {

using Cells = std::vector<std::string>;

const json::value* find(const json::object& item, std::string_view member) {
    const std::size_t dot = std::min(member.find('.'), member.size());
    const json::value* value = item.if_contains(member.substr(0, dot));
    if (value == nullptr || dot == member.size()) return value;
    const json::object* inner = value->if_object();
    return inner == nullptr ? nullptr : find(*inner, member.substr(dot + 1));
}

std::string bytes(const json::object& item, std::string_view member) {
    return human_bytes(static_cast<std::uint64_t>(number(item, member)));
}

Cells binding_cells(const json::object& item) {
    return {text(item, "protocol"),
            text(item, "client"),
            text(item, "mapped"),
            text(item, "sessions"),
            text(item, "static") == "true" ? "static" : "dynamic"};
}

Cells session_cells(const json::object& item) {
    return {text(item, "protocol"),
            text(item, "state"),
            text(item, "client"),
            text(item, "mapped"),
            text(item, "server"),
            human_duration(number(item, "expires_in")),
            text(item, "packets"),
            bytes(item, "bytes")};
}

Cells client_cells(const json::object& item) {
    return {text(item, "client"),
            text(item, "sessions"),
            text(item, "ports"),
            text(item, "bindings")};
}

Cells pool_cells(const json::object& item) {
    const double total = number(item, "total");
    const double share = total > 0 ? 100 * number(item, "used") / total : 0;
    return {text(item, "address"),
            text(item, "protocol"),
            text(item, "total"),
            text(item, "used"),
            fmt::format("{:.1f}%", share),
            text(item, "held_back"),
            text(item, "clients")};
}

Cells drop_cells(const json::object& item) {
    return {text(item, "packets"), text(item, "reason"), text(item, "help")};
}

const std::array<Listing, 5>& listings() {
    static const std::array<Listing, 5> all = {
        Listing{"bindings",
                "bindings",
                {{"PROTOCOL"}, {"CLIENT"}, {"MAPPED"}, {"SESSIONS", Align::Right}, {"KIND"}},
                binding_cells},
        Listing{"sessions",
                "sessions",
                {{"PROTOCOL"},
                 {"STATE"},
                 {"CLIENT"},
                 {"MAPPED"},
                 {"SERVER"},
                 {"EXPIRES", Align::Right},
                 {"PACKETS", Align::Right},
                 {"BYTES", Align::Right}},
                session_cells},
        Listing{"clients",
                "clients",
                {{"CLIENT"},
                 {"SESSIONS", Align::Right},
                 {"PORTS", Align::Right},
                 {"BINDINGS", Align::Right}},
                client_cells},
        Listing{"pool",
                "pool addresses",
                {{"ADDRESS"},
                 {"PROTOCOL"},
                 {"TOTAL", Align::Right},
                 {"USED", Align::Right},
                 {"SHARE", Align::Right},
                 {"HELD BACK", Align::Right},
                 {"CLIENTS", Align::Right}},
                pool_cells},
        Listing{
            "drops", "drops", {{"PACKETS", Align::Right}, {"REASON"}, {"MEANING"}}, drop_cells},
    };
    return all;
}

} // namespace

const Listing& listing(std::string_view what) {
    const auto found = std::ranges::find(listings(), what, &Listing::what);
    if (found == listings().end()) throw std::logic_error{"no such listing"};
    return *found;
}

std::string text(const json::object& item, std::string_view member) {
    const json::value* value = find(item, member);
    if (value == nullptr) return {};
    if (value->is_string()) return value->get_string().c_str();
    return json::serialize(*value);
}

double number(const json::object& item, std::string_view member) {
    const json::value* value = find(item, member);
    return value != nullptr && value->is_number() ? value->to_number<double>() : 0;
}

} // namespace nat64::cli
