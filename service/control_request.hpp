// SPDX-License-Identifier: Apache-2.0
// One request of the control protocol (docs/control-protocol.md), checked: a line of JSON in, a
// Request or the error to answer out. Strict: an unknown version or field, a value of the wrong
// type or form is an error by name, never ignored. Which fields a command takes is the
// command's business (control_commands.hpp). Pure, no Asio.
#pragma once

#include "config/config.hpp"
#include "core/napt_backend.hpp"
#include "service/explain.hpp"

#include <cstdint>
#include <expected>
#include <optional>
#include <set>
#include <string>
#include <string_view>

namespace nat64::service {

/// The version this daemon speaks.
inline constexpr std::int64_t kControlVersion = 1;

/// An error as the client sees it. `code` is stable, one of those in
/// docs/control-protocol.md.
struct ControlError {
    std::string_view code;
    std::string message;
};

/// What makes a client come first in a listing of clients: most of these.
enum class ClientOrder : std::uint8_t { Sessions, Ports, Bindings };

struct Request {
    std::string id = "null"; ///< as JSON text, to be repeated in every reply line
    std::string verb;
    std::string what;
    Filter filter;
    std::optional<std::uint64_t> limit; ///< at least 1
    Cursor cursor = 0;
    ClientOrder order = ClientOrder::Sessions; ///< field `sort`
    std::optional<Address> from;               ///< explain
    std::optional<Address> to;
    Port port;
    Port source_port;
    bool all = false;
    bool count = false;
    std::optional<config::LogLevel> level;
    /// The names of the optional fields that were given.
    std::set<std::string, std::less<>> fields;
};

struct BadRequest {
    std::string id = "null";
    ControlError error;
};

[[nodiscard]] std::expected<Request, BadRequest> parse_request(std::string_view line);

/// Of `explain`, whose `to` has been given.
[[nodiscard]] Question question_of(const Request& request);

/// A place in the listing of `what`, as text that is nobody's business but parse_request's.
[[nodiscard]] std::string cursor_text(std::string_view what, Cursor cursor);

} // namespace nat64::service
