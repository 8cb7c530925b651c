// SPDX-License-Identifier: Apache-2.0
// Cuts what one read from a netlink socket brought into its messages, and ends at the first
// whose length cannot be right. Not libmnl's mnl_nlmsg_ok: that compares lengths as signed
// numbers, takes one of 4 GB for short, and mnl_nlmsg_next then stays where it is for ever.
#pragma once

#include <cstddef>
#include <span>

#include <linux/netlink.h>

namespace nat64::platform {

/// `datagram` begins where an nlmsghdr may. Stops early only if `visit` throws.
template <typename Visit>
void each_message(std::span<const std::byte> datagram, Visit visit) {
    while (datagram.size() >= sizeof(nlmsghdr)) {
        const void* const start = datagram.data();
        const auto& message = *static_cast<const nlmsghdr*>(start);
        const std::size_t length = message.nlmsg_len;
        // With its padding: libmnl reads attributes up to the end of that.
        const std::size_t aligned = (length + NLMSG_ALIGNTO - 1) & ~(NLMSG_ALIGNTO - 1UL);
        if (length < sizeof message || aligned > datagram.size()) return;
        visit(message);
        datagram = datagram.subspan(aligned);
    }
}

} // namespace nat64::platform
