// SPDX-License-Identifier: Apache-2.0
// The netlink socket of netfilter's subsystems, and what the kernel says on it. Everything on
// it needs CAP_NET_ADMIN, at each request.
#pragma once

#include "platform/unique_fd.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>

struct nlmsghdr;

namespace nat64::kernel {

/// `groups` as in sockaddr_nl. Does not block. Throws OsError.
[[nodiscard]] platform::UniqueFd open_nfnetlink(std::uint32_t groups);

/// What the kernel says to one message.
struct Answer {
    std::uint32_t sequence = 0;
    int error = 0;
    std::string explanation; ///< its own words (extended ack), where it has any
};

/// Sends a request; what it is for becomes part of the error that is thrown.
void send_nfnetlink(int fd, std::span<const std::byte> request, std::string_view tried);

/// All acks and errors that are there (the kernel answers before the request returns): the
/// first one that is an error, or else the first.
[[nodiscard]] std::optional<Answer> read_answers(int fd, std::string_view tried);

/// One datagram of a dump, message by message. False when the dump is at its end.
bool read_dump(int fd, std::string_view tried, const std::function<void(const nlmsghdr&)>& row);

} // namespace nat64::kernel
