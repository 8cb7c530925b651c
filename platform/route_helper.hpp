// SPDX-License-Identifier: Apache-2.0
// Routes can be changed for as long as the daemon runs, although the daemon keeps no
// capability: a child process keeps CAP_NET_ADMIN for it. The child knows two requests: to add
// or delete a route of the main table that leads to one interface, the one it was told first;
// and to set a sysctl of forwarding, for the end. It reads nothing but these requests, of fixed
// size, from its parent. It goes when the parent goes, however that ends (ADR 0023, ADR 0025).
//
// Make it before the process has other threads, and before it opens what must close with it
// (the TUN): the child keeps nothing open but its end of the socket. Control thread, blocking.
#pragma once

#include "platform/netlink_messages.hpp"
#include "platform/unique_fd.hpp"

#include <string>

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

    /// As HostOps::set_sysctl, for those that is_forwarding_sysctl() knows.
    void set_sysctl(const std::string& name, const std::string& value) const;

    [[nodiscard]] pid_t pid() const noexcept { return pid_; }

private:
    UniqueFd socket_;
    pid_t pid_ = -1;
};

} // namespace nat64::platform
