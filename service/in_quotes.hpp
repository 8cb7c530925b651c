// SPDX-License-Identifier: Apache-2.0
// What a stranger wrote, as part of a message that a person reads: a request's field, another
// program's answer. Neither a line of its own in a log nor a terminal's commands can be made
// of it.
#pragma once

#include <string>
#include <string_view>

namespace nat64::service {

/// The first forty bytes in quotes, "?" for each that is not printable ASCII or would end them.
[[nodiscard]] std::string in_quotes(std::string_view text);

} // namespace nat64::service
