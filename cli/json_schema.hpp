// SPDX-License-Identifier: Apache-2.0
// The configuration's schema as JSON Schema (draft 2020-12), for editors and for whoever
// generates configurations: made from config::schema(), so it names every key and says what
// may stand there. What depends on other keys or on the machine it cannot say; `nat64 check`
// does.
#pragma once

#include <boost/json.hpp>

namespace nat64::cli {

[[nodiscard]] boost::json::object json_schema();

} // namespace nat64::cli
