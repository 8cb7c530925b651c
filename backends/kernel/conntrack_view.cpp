// SPDX-License-Identifier: Apache-2.0
#include "backends/kernel/conntrack_view.hpp"

#include "backends/kernel/nfnetlink.hpp"
#include "platform/os_error.hpp"

#include <cerrno>

namespace nat64::kernel {

namespace {

constexpr const char* kList = "read the connections of this machine (conntrack)";
constexpr const char* kForget = "end a connection of a former client (conntrack)";

} // namespace

ConntrackDump::ConntrackDump(const Prefix4& inner_pool)
    : inner_pool_{inner_pool}, socket_{open_nfnetlink(0)} {
    send_nfnetlink(socket_.get(), encode_list_flows(1), kList);
}

bool ConntrackDump::next(std::vector<ConntrackFlow>& flows) {
    return read_dump(socket_.get(), kList, [&](const nlmsghdr& message) {
        const auto flow = parse_flow(message);
        if (flow && inner_pool_.contains(flow->inner4.address)) flows.push_back(*flow);
    });
}

std::vector<ConntrackFlow> list_flows(const Prefix4& inner_pool) {
    ConntrackDump dump{inner_pool};
    std::vector<ConntrackFlow> flows;
    while (dump.next(flows)) {
    }
    return flows;
}

std::size_t forget(std::span<const ConntrackFlow> flows) {
    if (flows.empty()) return 0;
    const auto socket = open_nfnetlink(0);
    std::size_t ended = 0;
    std::uint32_t sequence = 0;
    for (const auto& flow : flows) {
        send_nfnetlink(socket.get(), encode_forget_flow(flow, ++sequence), kForget);
        const auto answer = read_answers(socket.get(), kForget);
        if (answer && answer->error == 0) ++ended;
        if (answer && answer->error != 0 && answer->error != ENOENT)
            throw platform::OsError{answer->error, kForget, answer->explanation};
    }
    return ended;
}

SessionRow to_row(const ConntrackFlow& flow, const Binding& client) noexcept {
    SessionRow row;
    row.protocol = flow.protocol;
    row.state = flow.state;
    row.client6 = {client.client6.address, flow.inner4.port};
    row.mapped4 = flow.mapped4;
    row.server4 = flow.server4;
    row.expires_in = flow.expires_in;
    row.packets = flow.packets;
    row.bytes = flow.bytes;
    row.handle = client.handle;
    return row;
}

bool matches(const Filter& filter, const SessionRow& row) noexcept {
    return (!filter.protocol || *filter.protocol == row.protocol) &&
           (!filter.client || filter.client->contains(row.client6.address)) &&
           (!filter.server || filter.server->contains(row.server4.address)) &&
           (!filter.mapped || filter.mapped->contains(row.mapped4.address));
}

} // namespace nat64::kernel
