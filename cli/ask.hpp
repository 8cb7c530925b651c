// SPDX-License-Identifier: Apache-2.0
// What the verbs that talk to a daemon have in common: a request that is wrong is found before
// anybody is asked, and what is wrong is said in words of the command line.
#pragma once

#include "service/control_request.hpp"

#include <initializer_list>
#include <iosfwd>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <boost/json.hpp>

namespace nat64::cli {

/// A request of this verb with the fields that have a value.
[[nodiscard]] boost::json::object
make_request(std::string_view verb,
             std::initializer_list<std::pair<std::string_view, std::string_view>> fields);

/// What is wrong with the request, if anything, without asking a daemon.
[[nodiscard]] std::optional<service::ControlError> wrong_usage(const std::string& request);

/// "nat64 VERB: message", each line of it. Where the message begins with the name of a field,
/// that is the name of an option.
void complain(std::ostream& err,
              std::string_view verb,
              std::string_view code,
              std::string_view message);

} // namespace nat64::cli
