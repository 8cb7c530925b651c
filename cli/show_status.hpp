// SPDX-License-Identifier: Apache-2.0
// The page that `nat64 show status` prints for a person. Pure.
#pragma once

#include <iosfwd>

#include <boost/json/object.hpp>

namespace nat64::cli {

/// `status` is the item of docs/control-protocol.md.
void print_status(const boost::json::object& status, std::ostream& out);

} // namespace nat64::cli
