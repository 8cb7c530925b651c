// SPDX-License-Identifier: Apache-2.0
// The field names are a contract: docs/control-protocol.md.
#include "service/control_rows.hpp"

#include "core/clock.hpp"
#include "core/net/transport.hpp"
#include "core/rfc6146/tcp_state.hpp"
#include "core/verdict.hpp"

#include <chrono>
#include <cstdint>

#include <boost/json/serialize.hpp>
#include <boost/json/string_view.hpp>
#include <fmt/compile.h>
#include <fmt/format.h>

namespace nat64::service {

namespace {

double seconds(Clock::duration duration) {
    return std::chrono::duration<double>{duration}.count();
}

/// A client that is one address is named by it alone.
std::string name_of_client(const ClientRow& row) {
    return row.client.length() == 128 ? row.client.address().to_string()
                                      : row.client.to_string();
}

} // namespace

std::string to_json(const BindingRow& row) {
    if (row.whole_host)
        return fmt::format(
            FMT_COMPILE(R"({{"protocol":"any","client":"{}","mapped":"{}","static":{}}})"),
            row.client6.address.to_string(),
            row.mapped4.address.to_string(),
            row.is_static);
    return fmt::format(
        FMT_COMPILE(
            R"({{"protocol":"{}","client":"{}","mapped":"{}","sessions":{},"static":{}}})"),
        name_of(row.protocol),
        row.client6.to_string(),
        row.mapped4.to_string(),
        row.sessions,
        row.is_static);
}

std::string to_json(const SessionRow& row) {
    return fmt::format(
        FMT_COMPILE(
            R"({{"protocol":"{}","state":"{}","client":"{}","mapped":"{}","server":"{}",)"
            R"("expires_in":{:.1f},"packets":{},"bytes":{}}})"),
        name_of(row.protocol),
        rfc6146::name_of(row.state),
        row.client6.to_string(),
        row.mapped4.to_string(),
        row.server4.to_string(),
        seconds(row.expires_in),
        row.packets,
        row.bytes);
}

std::string to_json(const PoolRow& row) {
    return fmt::format(
        FMT_COMPILE(R"({{"address":"{}","protocol":"{}","total":{},"used":{},"held_back":{},)"
                    R"("clients":{}}})"),
        row.whole_hosts ? row.whole_hosts->to_string() : row.address.to_string(),
        row.whole_hosts ? "any" : name_of(row.protocol),
        row.total,
        row.used,
        row.held_back,
        row.clients);
}

std::string to_json(const ClientRow& row, ClientMembers members) {
    if (members == ClientMembers::SessionsOnly)
        return fmt::format(FMT_COMPILE(R"({{"client":"{}","sessions":{}}})"),
                           name_of_client(row),
                           row.sessions);
    return fmt::format(
        FMT_COMPILE(R"({{"client":"{}","sessions":{},"ports":{},"bindings":{}}})"),
        name_of_client(row),
        row.sessions,
        row.ports,
        row.bindings);
}

std::string to_json(DropReason reason, std::uint64_t packets) {
    return fmt::format(R"({{"reason":"{}","packets":{},"help":{}}})",
                       info(reason).label,
                       packets,
                       boost::json::serialize(boost::json::string_view{info(reason).help}));
}

} // namespace nat64::service
