// SPDX-License-Identifier: Apache-2.0
#include "daemon/conntrack_flush.hpp"

#include "backends/kernel/conntrack_message.hpp"
#include "backends/kernel/conntrack_view.hpp"

#include <functional>
#include <utility>
#include <vector>

#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace nat64::daemon {

namespace asio = boost::asio;

namespace {

using Flows = std::vector<kernel::ConntrackFlow>;

/// On the packet thread, which allocates nothing: keeps the flows of these clients.
Flows of_clients(const NaptBackend& backend, Flows flows, const Filter& filter) {
    std::erase_if(flows, [&](const kernel::ConntrackFlow& flow) {
        const auto client = backend.find_by_mapped(flow.protocol, flow.inner4);
        return !client || !kernel::matches(filter, kernel::to_row(flow, *client));
    });
    return flows;
}

} // namespace

asio::awaitable<Flushed> flush_conntrack(const NaptBackend& backend,
                                         kernel::Netfilter& netfilter,
                                         service::PacketThread& packets,
                                         Filter filter) {
    const auto executor = co_await asio::this_coro::executor;
    const auto dump = netfilter.flows();
    auto but_client = filter;
    but_client.client.reset();
    Flushed flushed;
    for (bool more = true; more;) {
        Flows flows;
        more = dump->next(flows);
        std::erase_if(flows, [&](const kernel::ConntrackFlow& flow) {
            return !kernel::matches(but_client, kernel::to_row(flow, {}));
        });
        if (filter.client && !flows.empty()) {
            std::function<Flows()> job =
                [&backend, filter, flows = std::move(flows)]() mutable {
                    return of_clients(backend, std::move(flows), filter);
                };
            flows = co_await packets.run<Flows>(std::move(job));
        }
        flushed.sessions += netfilter.forget(flows);
        co_await asio::post(executor, asio::use_awaitable); // others get their turn
    }
    co_return flushed;
}

} // namespace nat64::daemon
