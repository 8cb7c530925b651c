// SPDX-License-Identifier: Apache-2.0
// Asks the kernel through rtnetlink and waits for its answer. Each call has a socket of its
// own, so nothing of one answer is left for the next. An error becomes an OsError with the
// kernel's own explanation (extended ack) where it gives one. Control thread, blocking.
#pragma once

#include "platform/netlink_messages.hpp"
#include "platform/os_error.hpp"
#include "platform/patience.hpp"

#include <cerrno>
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

/// All rows that `parse` recognizes. Tables that change meanwhile are read anew, some times at
/// once and then for as long as `patience` lasts; after that it throws as dump() does.
template <typename Row>
std::vector<Row> list(const NetlinkRequest& request,
                      std::string_view tried,
                      std::optional<Row> (*parse)(const nlmsghdr&),
                      Patience& patience) {
    constexpr int kAtOnce = 5;
    for (int attempt = 1;; ++attempt) {
        std::vector<Row> rows;
        try {
            dump(request, tried, [&](const nlmsghdr& message) {
                if (auto row = parse(message)) rows.push_back(*row);
            });
            return rows;
        } catch (const std::system_error& error) {
            if (error.code() != std::errc::interrupted) throw;
            if (attempt >= kAtOnce && !patience.pause())
                throw OsError{EINTR, tried, "they keep changing: try again when they do not"};
        }
    }
}

} // namespace nat64::platform
