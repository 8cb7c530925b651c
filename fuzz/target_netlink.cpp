// SPDX-License-Identifier: Apache-2.0
// What the kernel sends: a datagram of netlink messages, each handed to every parser there is.
// A flow that was parsed can be named to the kernel again.
#include "backends/kernel/conntrack_message.hpp"
#include "fuzz/targets.hpp"
#include "platform/machine_monitor.hpp"
#include "platform/netlink_datagram.hpp"
#include "platform/netlink_messages.hpp"
#include "tests/oracle/expect.hpp"

#include <vector>

void nat64::fuzz::netlink(View input) {
    // Of its own size, so that reading beyond the end is seen.
    const std::vector<std::byte> datagram{input.begin(), input.end()};
    platform::each_message(datagram, [](const nlmsghdr& message) {
        (void)platform::parse_address(message);
        (void)platform::parse_route(message);
        (void)platform::parse_change(message);
        const auto flow = kernel::parse_flow(message);
        if (flow)
            oracle::expect(!kernel::encode_forget_flow(*flow, 1).empty(),
                           "a request to forget");
    });
}
