// SPDX-License-Identifier: Apache-2.0
// The peer's credentials, and the rule.
#include "service/control_access.hpp"

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <vector>

#include <sys/socket.h>
#include <unistd.h>

namespace nat64::service {

namespace {

std::vector<gid_t> groups_of(int socket) {
    std::vector<gid_t> groups(64);
    auto bytes = static_cast<socklen_t>(groups.size() * sizeof(gid_t));
    if (::getsockopt(socket, SOL_SOCKET, SO_PEERGROUPS, groups.data(), &bytes) != 0) {
        if (errno != ERANGE) return {}; // the primary group is known all the same
        groups.resize(bytes / sizeof(gid_t));
        if (::getsockopt(socket, SOL_SOCKET, SO_PEERGROUPS, groups.data(), &bytes) != 0)
            return {};
    }
    groups.resize(bytes / sizeof(gid_t));
    return groups;
}

} // namespace

Peer peer_of(int socket) {
    ::ucred credentials{};
    socklen_t bytes = sizeof credentials;
    if (::getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &credentials, &bytes) != 0)
        throw std::system_error{errno, std::generic_category(), "read SO_PEERCRED"};
    return {credentials.pid, credentials.uid, credentials.gid};
}

bool may_change(const Peer& peer, uid_t self) noexcept {
    return peer.uid == 0 || peer.uid == self;
}

bool may_read(const Peer& peer,
              std::span<const gid_t> groups,
              uid_t self,
              std::optional<gid_t> group) noexcept {
    if (may_change(peer, self)) return true;
    if (!group) return false;
    return peer.gid == *group || std::ranges::find(groups, *group) != groups.end();
}

bool may_read(int socket, std::optional<gid_t> group) {
    return may_read(peer_of(socket), groups_of(socket), ::geteuid(), group);
}

bool may_change(int socket) {
    return may_change(peer_of(socket), ::geteuid());
}

} // namespace nat64::service
