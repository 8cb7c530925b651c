// SPDX-License-Identifier: Apache-2.0
// Two sources: the backend's own account of its clients, or, where sessions are not the
// backend's (napt: kernel), a count of them by client.
#include "service/control_clients.hpp"

#include "core/net/address.hpp"
#include "core/random.hpp"
#include "service/control_request.hpp"
#include "service/control_rows.hpp"
#include "service/pages.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <span>
#include <utility>
#include <vector>

#include <fmt/format.h>

namespace nat64::service {

namespace {

using boost::asio::awaitable;
using ClientPage = Page<ClientRow>;

struct Visit {
    std::vector<ClientRow> rows;
    std::optional<Cursor> next;
};

std::uint32_t held(const ClientRow& row, ClientOrder order) noexcept {
    switch (order) {
    case ClientOrder::Sessions:
        return row.sessions;
    case ClientOrder::Ports:
        return row.ports;
    case ClientOrder::Bindings:
        return row.bindings;
    }
    return 0;
}

awaitable<void> offer_backend(CommandContext context, ClientPage& page) {
    std::optional<Cursor> next = 0;
    while (next) {
        Visit visit;
        visit.rows.reserve(kVisitRows);
        std::function<Visit()> job =
            [context, from = *next, visit = std::move(visit)]() mutable {
                visit.next = context.view.backend.client_snapshot(
                    from, context.request.filter, kVisitBudget, visit.rows);
                return std::move(visit);
            };
        const Visit seen = co_await context.packet_thread.run<Visit>(std::move(job));
        for (const ClientRow& row : seen.rows)
            page.offer(place_of(row, context.request.order), row);
        next = seen.next;
    }
}

/// As many counts as there are clients at a time, which the inner pool limits.
awaitable<void> offer_counted(CommandContext context, ClientPage& page) {
    const unsigned length = context.view.config.napt.limits.client_prefix;
    const auto reader = context.view.sessions(context.packet_thread, context.request.filter);
    std::map<Prefix6, std::uint32_t> counts;
    std::vector<SessionRow> rows;
    bool more = true;
    while (more) {
        rows.clear();
        more = co_await reader->next(rows);
        for (const SessionRow& row : rows)
            ++counts[Prefix6{row.client6.address, length}];
    }
    for (const auto& [client, sessions] : counts) {
        const ClientRow row{.client = client, .sessions = sessions};
        page.offer(place_of(row, ClientOrder::Sessions), row);
    }
}

awaitable<ClientPage::Result> next_page(CommandContext context, Cursor from, std::size_t room) {
    ClientPage page{from, room};
    if (context.view.sessions)
        co_await offer_counted(context, page);
    else
        co_await offer_backend(context, page);
    co_return page.take();
}

awaitable<void> write(CommandContext context, const std::vector<ClientRow>& rows) {
    const auto members =
        context.view.sessions ? ClientMembers::SessionsOnly : ClientMembers::All;
    for (std::size_t i = 0; i < rows.size(); ++i) {
        context.reply.item(to_json(rows[i], members));
        if (i % kVisitRows == kVisitRows - 1) co_await context.reply.flush();
    }
}

} // namespace

Cursor place_of(const ClientRow& row, ClientOrder order) noexcept {
    const std::array<std::uint64_t, 2> words{row.client.address().high(),
                                             row.client.address().low()};
    const auto among_equals =
        static_cast<std::uint32_t>(siphash24({}, std::as_bytes(std::span{words})));
    const std::uint32_t less = std::numeric_limits<std::uint32_t>::max() - held(row, order);
    return std::uint64_t{less} << 32 | among_equals;
}

awaitable<std::optional<Cursor>> list_clients(CommandContext context) {
    std::uint64_t left =
        context.request.limit.value_or(std::numeric_limits<std::uint64_t>::max());
    std::uint64_t seen = 0;
    std::optional<Cursor> next = context.request.cursor;
    while (next && left > 0) {
        const auto room = static_cast<std::size_t>(std::min(left, kPageRows));
        const ClientPage::Result page = co_await next_page(context, *next, room);
        next = page.next;
        seen += page.rows.size();
        left -= std::min<std::uint64_t>(left, page.rows.size());
        if (!context.request.count) co_await write(context, page.rows);
    }
    if (context.request.count) context.reply.item(fmt::format(R"({{"count":{}}})", seen));
    co_return next;
}

} // namespace nat64::service
