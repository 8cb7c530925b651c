// SPDX-License-Identifier: Apache-2.0
// What can be asked of a running daemon: a table of commands, each a coroutine of the control
// thread that writes items into a Reply. Tables of the backend are read on the packet thread, a
// bounded number of slots a visit, and the next visit begins when the client has taken the rows
// of the last one.
#pragma once

#include "service/control_reply.hpp"
#include "service/control_request.hpp"
#include "service/daemon_view.hpp"
#include "service/packet_thread.hpp"

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include <boost/asio/awaitable.hpp>

namespace nat64::service {

/// One visit to the packet thread looks at no more slots and takes no more rows than these.
inline constexpr Budget kVisitBudget{.slots = 1024};
inline constexpr std::size_t kVisitRows = 256;

/// Most rows of a page that is put in order; what a client asks for above this is several.
inline constexpr std::uint64_t kPageRows = 65'536;

struct CommandContext {
    const DaemonView& view;
    PacketThread& packet_thread;
    const Request& request;
    Reply& reply;
};

/// Returns where to go on if `limit` cut the listing short.
using CommandHandler = boost::asio::awaitable<std::optional<Cursor>> (*)(CommandContext);

/// What a handler throws that cannot do what it was asked for: the reply's last line.
struct CommandRefused {
    ControlError error;
};

/// What a command needs: members of control.group may read, only root and the daemon's own user
/// may change anything.
enum class Access : std::uint8_t { Read, Change };

struct Command {
    std::string_view verb;
    std::string_view what;   ///< empty for verbs that are not asked for anything
    std::string_view fields; ///< the optional fields it takes, separated by spaces
    CommandHandler run;
    Access access = Access::Read;
    /// What is wrong with the fields taken together; null if nothing can be.
    std::optional<ControlError> (*check)(const Request& request) = nullptr;
};

[[nodiscard]] std::span<const Command> control_commands() noexcept;

/// The command that the request names, or why there is none.
[[nodiscard]] std::expected<const Command*, ControlError> find_command(const Request& request);

} // namespace nat64::service
