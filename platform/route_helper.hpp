// SPDX-License-Identifier: Apache-2.0
// Routes can be changed for as long as the daemon runs, although the daemon keeps no
// capability: a child process keeps CAP_NET_ADMIN for it. The child knows one request, to add
// or delete a route of the main table that leads to one interface, the one it was told first;
// it reads nothing but these requests, of fixed size, from its parent. It goes when the parent
// goes, however that ends (ADR 0023).
//
// Make it before the process has other threads, and before it opens what must close with it
// (the TUN): the child keeps nothing open but its end of the socket. Control thread, blocking.
#pragma once

#include "platform/netlink_messages.hpp"
#include "platform/unique_fd.hpp"

#include <sys/types.h>

namespace nat64::platform {

class RouteHelper {
public:
    /// Starts the child. Throws OsError.
    RouteHelper();
    /// The child ends.
    ~RouteHelper();
    RouteHelper(const RouteHelper&) = delete;
    RouteHelper& operator=(const RouteHelper&) = delete;

    /// As HostOps::add_route and delete_route. Throws OsError, also if the child is gone.
    void change(RouteAction action, const Route& route) const;

    [[nodiscard]] pid_t pid() const noexcept { return pid_; }

private:
    UniqueFd socket_;
    pid_t pid_ = -1;
};

} // namespace nat64::platform
