// SPDX-License-Identifier: Apache-2.0
// `show clients`: clients by how much they hold, those with most first. They are in no order
// where they are kept, so a page is one pass over all of them, in visits of the usual size,
// and what it keeps meanwhile is the page. Control thread.
#pragma once

#include "service/control_commands.hpp"

#include <optional>

#include <boost/asio/awaitable.hpp>

namespace nat64::service {

/// Where a client stands: the more it has of what the order says, the lower.
[[nodiscard]] Cursor place_of(const ClientRow& row, ClientOrder order) noexcept;

[[nodiscard]] boost::asio::awaitable<std::optional<Cursor>>
list_clients(CommandContext context);

} // namespace nat64::service
