// SPDX-License-Identifier: Apache-2.0
#include "daemon/conntrack_sessions.hpp"

#include "backends/kernel/conntrack_message.hpp"
#include "backends/kernel/conntrack_view.hpp"

#include <functional>
#include <utility>

#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace nat64::daemon {

namespace asio = boost::asio;

namespace {

using Flows = std::vector<kernel::ConntrackFlow>;
using Rows = std::vector<SessionRow>;

/// On the packet thread, which allocates nothing: `rows` has room for all.
Rows join(const NaptBackend& backend, const Flows& flows, const Filter& filter, Rows rows) {
    for (const auto& flow : flows) {
        const auto client = backend.find_by_mapped(flow.protocol, flow.inner4);
        if (!client) continue;
        const auto row = kernel::to_row(flow, *client);
        if (kernel::matches(filter, row)) rows.push_back(row);
    }
    return rows;
}

} // namespace

/// The next flows that the filter may let through, as far as it concerns no client.
Flows ConntrackSessions::wanted(bool& more) {
    Flows flows;
    more = reader_->next(flows);
    auto filter = filter_;
    filter.client.reset();
    std::erase_if(flows, [&](const kernel::ConntrackFlow& flow) {
        return !kernel::matches(filter, kernel::to_row(flow, {}));
    });
    return flows;
}

asio::awaitable<bool> ConntrackSessions::next(std::vector<SessionRow>& rows) {
    bool more = false;
    auto flows = wanted(more);
    if (flows.empty()) {
        // A long way through the flows of others is no reason to keep anybody waiting.
        const auto executor = co_await asio::this_coro::executor;
        co_await asio::post(executor, asio::use_awaitable);
        co_return more;
    }
    Rows room;
    room.reserve(flows.size());
    std::function<Rows()> job =
        [this, flows = std::move(flows), room = std::move(room)]() mutable {
            return join(backend_, flows, filter_, std::move(room));
        };
    const Rows joined = co_await packets_.run<Rows>(std::move(job));
    rows.insert(rows.end(), joined.begin(), joined.end());
    co_return more;
}

} // namespace nat64::daemon
