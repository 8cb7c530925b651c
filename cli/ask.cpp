// SPDX-License-Identifier: Apache-2.0
#include "cli/ask.hpp"

#include "service/control_commands.hpp"

#include <algorithm>
#include <ostream>

#include <fmt/ostream.h>

namespace nat64::cli {

boost::json::object
make_request(std::string_view verb,
             std::initializer_list<std::pair<std::string_view, std::string_view>> fields) {
    boost::json::object request{{"v", service::kControlVersion}, {"id", 1}, {"verb", verb}};
    for (const auto& [name, value] : fields)
        if (!value.empty()) request[name] = value;
    return request;
}

std::optional<service::ControlError> wrong_usage(const std::string& request) {
    const auto parsed = service::parse_request(request);
    if (!parsed) return parsed.error().error;
    const auto command = service::find_command(*parsed);
    if (!command) return command.error();
    return std::nullopt;
}

void complain(std::ostream& err,
              std::string_view verb,
              std::string_view code,
              std::string_view message) {
    if (code == "bad_value" || code == "unknown_field") {
        // Of what a request says, only the level is no option.
        fmt::print(err, "nat64 {}: {}{}\n", verb, verb == "log-level" ? "" : "--", message);
        return;
    }
    while (!message.empty()) {
        const auto end = std::min(message.find('\n'), message.size());
        fmt::print(err, "nat64 {}: {}\n", verb, message.substr(0, end));
        message.remove_prefix(std::min(end + 1, message.size()));
    }
}

} // namespace nat64::cli
