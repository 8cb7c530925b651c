// SPDX-License-Identifier: Apache-2.0
// Who may talk to the daemon: root, the user it runs as, and members of control.group, who may
// read and nothing else, by what the kernel says about the process at the other end
// (SO_PEERCRED, SO_PEERGROUPS), not by what it says itself. The socket's file mode says the
// same; this holds also where somebody has changed that.
#pragma once

#include <optional>
#include <span>

#include <sys/types.h>

namespace nat64::service {

/// A process at the other end of a Unix socket.
struct Peer {
    pid_t pid = 0;
    uid_t uid = 0;
    gid_t gid = 0;
};

/// Throws std::system_error if the kernel does not say.
[[nodiscard]] Peer peer_of(int socket);

/// The rule alone. `groups` are the peer's supplementary groups, `self` is the daemon's user.
[[nodiscard]] bool may_read(const Peer& peer,
                            std::span<const gid_t> groups,
                            uid_t self,
                            std::optional<gid_t> group) noexcept;

/// May it change the daemon, too?
[[nodiscard]] bool may_change(const Peer& peer, uid_t self) noexcept;

/// The rule for whoever is connected to `socket`.
[[nodiscard]] bool may_read(int socket, std::optional<gid_t> group);
[[nodiscard]] bool may_change(int socket);

} // namespace nat64::service
