// SPDX-License-Identifier: Apache-2.0
// Asks the kernel through rtnetlink and waits for its answer. Each call has a socket of its
// own, so nothing of one answer is left for the next. An error becomes an OsError with the
// kernel's own explanation (extended ack) where it gives one. Control thread, blocking.
#pragma once

#include "platform/netlink_messages.hpp"

#include <functional>
#include <optional>
#include <string_view>
#include <system_error>
#include <vector>

namespace nat64::platform {

/// Sends a request that asks for an ack and waits for it. `tried` says what it is for.
void execute(const NetlinkRequest& request, std::string_view tried);

/// Sends a dump request and hands over each message of the answer. Throws an OsError of
/// std::errc::interrupted when the kernel's tables changed meanwhile.
void dump(const NetlinkRequest& request,
          std::string_view tried,
          const std::function<void(const nlmsghdr&)>& row);

/// All rows that `parse` recognizes.
template <typename Row>
std::vector<Row> list(const NetlinkRequest& request,
                      std::string_view tried,
                      std::optional<Row> (*parse)(const nlmsghdr&)) {
    constexpr int kAttempts = 5;
    for (int attempt = 1;; ++attempt) {
        std::vector<Row> rows;
        try {
            dump(request, tried, [&](const nlmsghdr& message) {
                if (auto row = parse(message)) rows.push_back(*row);
            });
            return rows;
        } catch (const std::system_error& error) {
            if (error.code() != std::errc::interrupted || attempt == kAttempts) throw;
        }
    }
}

} // namespace nat64::platform
