// SPDX-License-Identifier: Apache-2.0
// What each listing looks like as a table: its columns, and the cells of one item. A member
// that an item does not have becomes an empty cell: the daemon may be another version. Pure.
#pragma once

#include "cli/table.hpp"

#include <string>
#include <string_view>
#include <vector>

#include <boost/json/object.hpp>

namespace nat64::cli {

struct Listing {
    std::string_view what;
    std::string_view nouns; ///< of an empty one: "no sessions"
    std::vector<Column> columns;
    std::vector<std::string> (*cells)(const boost::json::object& item);
};

/// `what` must be one of bindings, sessions, clients, pool and drops.
[[nodiscard]] const Listing& listing(std::string_view what);

/// A member as text; a nested one is named "outbound.packets".
[[nodiscard]] std::string text(const boost::json::object& item, std::string_view member);

/// A member as a number, 0 if it is none.
[[nodiscard]] double number(const boost::json::object& item, std::string_view member);

} // namespace nat64::cli
