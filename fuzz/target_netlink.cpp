// SPDX-License-Identifier: Apache-2.0
// What the kernel sends: a datagram of netlink messages, each handed to every parser there is.
// A flow that was parsed can be named to the kernel again; an address has a subnet.
#include "backends/kernel/conntrack_message.hpp"
#include "fuzz/targets.hpp"
#include "platform/machine_monitor.hpp"
#include "platform/netlink_datagram.hpp"
#include "platform/netlink_messages.hpp"
#include "tests/oracle/expect.hpp"

#include <variant>
#include <vector>

namespace {

void check_subnet(const nat64::platform::LocalAddress& own) {
    using namespace nat64;
    const auto* four = std::get_if<Ipv4Addr>(&own.address);
    const auto* six = std::get_if<Ipv6Addr>(&own.address);
    const bool inside = four != nullptr ? Prefix4{*four, own.prefix_length}.contains(*four)
                                        : Prefix6{*six, own.prefix_length}.contains(*six);
    oracle::expect(inside, "an address in its subnet");
}

} // namespace

void nat64::fuzz::netlink(View input) {
    // Of its own size, so that reading beyond the end is seen.
    const std::vector<std::byte> datagram{input.begin(), input.end()};
    platform::each_message(datagram, [](const nlmsghdr& message) {
        if (const auto own = platform::parse_address(message)) check_subnet(*own);
        (void)platform::parse_route(message);
        (void)platform::parse_change(message);
        const auto flow = kernel::parse_flow(message);
        if (flow)
            oracle::expect(!kernel::encode_forget_flow(*flow, 1).empty(),
                           "a request to forget");
    });
}
