// SPDX-License-Identifier: Apache-2.0
// What a backend foresees, in the words of Network::out() and Network::in().
#pragma once

#include "tests/backends/network.hpp"

#include <string>

namespace nat64::test {

/// As Network::out() would say it.
inline std::string verdict(const Outlook& outlook, const char* prohibited) {
    if (const auto no = outlook.ruling.refusal())
        return std::string{info(*no).label} + " " + prohibited;
    if (outlook.obstacle) return outcome(Resolved{std::unexpected{*outlook.obstacle}}).verdict;
    return "ok";
}

inline std::string foresee_out(Network& net,
                               L4Proto protocol,
                               const Endpoint6& client6,
                               const Endpoint4& server4) {
    OutboundFlow flow;
    flow.client6 = client6;
    flow.server4 = server4;
    flow.protocol = protocol;
    return verdict(net.backend->foresee(flow, net.clock.now()), "1/1");
}

inline Outlook
look_in(Network& net, L4Proto protocol, const Endpoint4& server4, const Endpoint4& mapped4) {
    InboundFlow flow;
    flow.server4 = server4;
    flow.mapped4 = mapped4;
    flow.protocol = protocol;
    return net.backend->foresee(flow, net.clock.now());
}

} // namespace nat64::test
