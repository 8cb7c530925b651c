// SPDX-License-Identifier: Apache-2.0
// A table of fields, each with the function that reads it.
#include "service/control_request.hpp"

#include "config/log_level.hpp"
#include "core/net/transport.hpp"
#include "service/in_quotes.hpp"

#include <array>
#include <charconv>
#include <cstddef>
#include <system_error>
#include <utility>

#include <boost/json.hpp>
#include <fmt/format.h>

namespace nat64::service {

namespace json = boost::json;

namespace {

constexpr std::size_t kLongestId = 64;

/// A field reader returns what the value should have been, or nullptr if it is.
using Reader = const char* (*)(const json::value&, Request&);

template <typename Prefix>
const char*
read_prefix(const json::value& value, std::optional<Prefix>& prefix, const char* expected) {
    const json::string* text = value.if_string();
    if (text == nullptr) return expected;
    prefix = Prefix::parse(std::string_view{text->data(), text->size()});
    return prefix ? nullptr : expected;
}

const char* read_client(const json::value& value, Request& request) {
    return read_prefix(value,
                       request.filter.client,
                       "an IPv6 prefix (host bits zero) or address, such as \"2001:db8::/64\"");
}

constexpr const char* kPrefix4Expected =
    "an IPv4 prefix (host bits zero) or address, such as \"192.0.2.0/24\"";

const char* read_server(const json::value& value, Request& request) {
    return read_prefix(value, request.filter.server, kPrefix4Expected);
}

const char* read_mapped(const json::value& value, Request& request) {
    return read_prefix(value, request.filter.mapped, kPrefix4Expected);
}

const char* read_protocol(const json::value& value, Request& request) {
    const json::string* text = value.if_string();
    for (const L4Proto protocol : {L4Proto::Tcp, L4Proto::Udp, L4Proto::Icmp})
        if (text != nullptr && *text == name_of(protocol)) request.filter.protocol = protocol;
    return request.filter.protocol ? nullptr : R"("tcp", "udp" or "icmp")";
}

const char* read_address(const json::value& value, std::optional<Address>& address) {
    const json::string* text = value.if_string();
    if (text != nullptr) address = parse_address({text->data(), text->size()});
    return address ? nullptr : "an IPv4 or IPv6 address";
}

const char* read_from(const json::value& value, Request& request) {
    return read_address(value, request.from);
}

const char* read_to(const json::value& value, Request& request) {
    return read_address(value, request.to);
}

const char* read_port_number(const json::value& value, Port& port) {
    if (!value.is_int64() || value.get_int64() < 0 || value.get_int64() > 65535)
        return "a whole number, at most 65535";
    port = Port{static_cast<std::uint16_t>(value.get_int64())};
    return nullptr;
}

const char* read_port(const json::value& value, Request& request) {
    return read_port_number(value, request.port);
}

const char* read_source_port(const json::value& value, Request& request) {
    return read_port_number(value, request.source_port);
}

const char* read_limit(const json::value& value, Request& request) {
    if (!value.is_int64() || value.get_int64() < 1) return "a whole number, at least 1";
    request.limit = static_cast<std::uint64_t>(value.get_int64());
    return nullptr;
}

const char* read_cursor(const json::value& value, Request& request) {
    constexpr const char* kExpected =
        "the cursor that an earlier reply to the same `what` gave";
    const json::string* text = value.if_string();
    if (text == nullptr) return kExpected;
    std::string_view rest{text->data(), text->size()};
    if (!rest.starts_with(request.what + ":")) return kExpected;
    rest.remove_prefix(request.what.size() + 1);
    const char* const end = rest.data() + rest.size();
    const auto [stop, error] = std::from_chars(rest.data(), end, request.cursor);
    return error == std::errc{} && stop == end ? nullptr : kExpected;
}

const char* read_sort(const json::value& value, Request& request) {
    const json::string* text = value.if_string();
    if (text != nullptr && *text == "sessions")
        request.order = ClientOrder::Sessions;
    else if (text != nullptr && *text == "ports")
        request.order = ClientOrder::Ports;
    else if (text != nullptr && *text == "bindings")
        request.order = ClientOrder::Bindings;
    else
        return R"("sessions", "ports" or "bindings")";
    return nullptr;
}

const char* read_flag(const json::value& value, bool& flag) {
    if (!value.is_bool()) return "true or false";
    flag = value.get_bool();
    return nullptr;
}

const char* read_all(const json::value& value, Request& request) {
    return read_flag(value, request.all);
}

const char* read_count(const json::value& value, Request& request) {
    return read_flag(value, request.count);
}

const char* read_level(const json::value& value, Request& request) {
    const json::string* text = value.if_string();
    if (text != nullptr) request.level = config::log_level_named({text->data(), text->size()});
    return request.level ? nullptr : "trace, debug, info, warning or error";
}

struct Field {
    std::string_view name;
    Reader read;
};

constexpr std::array kFields = {
    Field{"client", read_client},
    Field{"server", read_server},
    Field{"mapped", read_mapped},
    Field{"protocol", read_protocol},
    Field{"limit", read_limit},
    Field{"cursor", read_cursor},
    Field{"sort", read_sort},
    Field{"all", read_all},
    Field{"count", read_count},
    Field{"level", read_level},
    Field{"from", read_from},
    Field{"to", read_to},
    Field{"port", read_port},
    Field{"source_port", read_source_port},
};

/// The id as JSON text; nullopt if it is neither a number, a short string nor null.
std::optional<std::string> read_id(const json::object& object) {
    const json::value* id = object.if_contains("id");
    if (id == nullptr || id->is_null()) return "null";
    const bool short_string = id->is_string() && id->get_string().size() <= kLongestId;
    if (!id->is_int64() && !id->is_uint64() && !short_string) return std::nullopt;
    return json::serialize(*id);
}

/// A string field every request must have; empty if it is missing or something else.
std::string read_word(const json::object& object, std::string_view name) {
    const json::value* value = object.if_contains(name);
    if (value == nullptr || !value->is_string()) return {};
    return std::string{value->get_string()};
}

std::optional<ControlError> check_version(const json::object& object) {
    const json::value* version = object.if_contains("v");
    if (version == nullptr || !version->is_int64())
        return ControlError{"bad_request", R"(field "v", the protocol version, is missing)"};
    if (version->get_int64() == kControlVersion) return std::nullopt;
    return ControlError{"unsupported_version",
                        fmt::format("this daemon speaks version {} of the protocol, not {}",
                                    kControlVersion,
                                    version->get_int64())};
}

std::optional<ControlError>
read_field(std::string_view name, const json::value& value, Request& request) {
    for (const Field& field : kFields) {
        if (field.name != name) continue;
        request.fields.emplace(name);
        const char* expected = field.read(value, request);
        if (expected == nullptr) return std::nullopt;
        return ControlError{"bad_value", fmt::format("{} must be {}", name, expected)};
    }
    return ControlError{"unknown_field",
                        fmt::format("{} is no field of a request", in_quotes(name))};
}

std::optional<ControlError> read_object(const json::object& object, Request& request) {
    if (auto error = check_version(object)) return error;
    request.verb = read_word(object, "verb");
    if (request.verb.empty()) return ControlError{"bad_request", R"(field "verb" is missing)"};
    request.what = read_word(object, "what");
    for (const auto& [key, value] : object) {
        if (key == "v" || key == "id" || key == "verb" || key == "what") continue;
        if (auto error = read_field({key.data(), key.size()}, value, request)) return error;
    }
    return std::nullopt;
}

} // namespace

std::expected<Request, BadRequest> parse_request(std::string_view line) {
    boost::system::error_code error;
    const json::value value = json::parse(line, error);
    const json::object* object = value.if_object();
    if (error || object == nullptr)
        return std::unexpected{
            BadRequest{.error = {"bad_json", "a request is one JSON object on one line"}}};
    Request request;
    const std::optional<std::string> id = read_id(*object);
    if (!id)
        return std::unexpected{BadRequest{
            .error = {
                "bad_request",
                fmt::format("field \"id\" must be a whole number or a string of at most {} "
                            "bytes",
                            kLongestId)}}};
    request.id = *id;
    if (auto problem = read_object(*object, request))
        return std::unexpected{BadRequest{*id, std::move(*problem)}};
    return request;
}

Question question_of(const Request& request) {
    return {.from = request.from,
            // NOLINTNEXTLINE(bugprone-unchecked-optional-access): throws, as it should
            .to = request.to.value(),
            .protocol = request.filter.protocol.value_or(L4Proto::Tcp),
            .port = request.port,
            .source_port = request.source_port};
}

std::string cursor_text(std::string_view what, Cursor cursor) {
    return fmt::format("{}:{}", what, cursor);
}

} // namespace nat64::service
