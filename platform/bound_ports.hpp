// SPDX-License-Identifier: Apache-2.0
// The TCP and UDP ports on which programs of this machine wait for whoever may come: listening
// TCP sockets and UDP sockets without a peer, of both families (one of IPv6 often serves IPv4,
// too), also the kernel's own, as WireGuard's. Those of the loopback addresses are not among
// them: nobody outside reaches them.
//
// The socket (NETLINK_SOCK_DIAG) is opened once, so that a process that may open nothing later
// can go on asking. No privilege is needed. Control thread, blocking for as long as the kernel
// takes to list its sockets.
#pragma once

#include "core/net/transport.hpp"
#include "platform/unique_fd.hpp"

#include <vector>

namespace nat64::platform {

class BoundPorts {
public:
    /// Throws OsError, also where the kernel cannot tell (CONFIG_INET_DIAG).
    BoundPorts();

    /// Ascending, each once. Throws OsError.
    [[nodiscard]] std::vector<Port> list();

private:
    UniqueFd socket_;
};

} // namespace nat64::platform
