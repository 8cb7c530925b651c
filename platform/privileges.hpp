// SPDX-License-Identifier: Apache-2.0
// Capabilities: enough to start, none to run. Making the TUN, its link and its routes needs
// CAP_NET_ADMIN; carrying packets needs nothing, because the right to a TUN is its descriptor.
// Stopping needs nothing either: closing the descriptor removes the interface and its routes
// with it. So everything is dropped once the machine is set up; what needs more later is done
// by a process of its own (privileged_process).
#pragma once

#include <cstdint>

namespace nat64::platform {

/// Whether CAP_NET_ADMIN is effective in this thread.
[[nodiscard]] bool have_net_admin();

/// What is not dropped: napt: kernel asks nftables and conntrack all along, and each request
/// needs CAP_NET_ADMIN.
enum class Keep : std::uint8_t { Nothing, NetAdmin };

/// Drops every capability but `keep`, the bounding set included, for good (no_new_privs): for
/// this thread and those it starts from now on, so it is called before the packet thread
/// exists. Throws std::system_error.
void drop_privileges(Keep keep = Keep::Nothing);

} // namespace nat64::platform
