// SPDX-License-Identifier: Apache-2.0
// The table, and the commands that list rows. `show status` has a file of its own
// (control_status.cpp).
#include "service/control_commands.hpp"

#include "service/control_config.hpp"
#include "service/control_rows.hpp"
#include "service/control_status.hpp"

#include <algorithm>
#include <array>
#include <concepts>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

namespace nat64::service {

namespace {

using boost::asio::awaitable;
using Next = std::optional<Cursor>;

/// What one visit to the packet thread brought back.
template <typename Row>
struct Chunk {
    std::vector<Row> rows;
    Next next;
};

/// Backends do not filter their pool.
Next pool_rows(const NaptBackend& backend,
               Cursor from,
               const Filter& filter,
               std::vector<PoolRow>& rows) {
    const Next next = backend.pool_snapshot(from, kVisitBudget, rows);
    std::erase_if(rows, [&](const PoolRow& row) {
        return (filter.protocol && *filter.protocol != row.protocol) ||
               (filter.mapped && !filter.mapped->contains(row.address));
    });
    return next;
}

template <typename Row>
Chunk<Row> take(CommandContext context, Cursor from, Chunk<Row> chunk) {
    const NaptBackend& backend = context.view.backend;
    const Filter& filter = context.request.filter;
    if constexpr (std::same_as<Row, PoolRow>)
        chunk.next = pool_rows(backend, from, filter, chunk.rows);
    else if constexpr (std::same_as<Row, SessionRow>)
        chunk.next =
            backend.snapshot(from, filter, kVisitBudget, context.view.now(), chunk.rows);
    else
        chunk.next = backend.snapshot(from, filter, kVisitBudget, chunk.rows);
    return chunk;
}

/// Room for `rows` rows is made here, on the control thread.
template <typename Row>
std::function<Chunk<Row>()> visit(CommandContext context, Cursor from, std::uint64_t rows) {
    Chunk<Row> chunk;
    chunk.rows.reserve(static_cast<std::size_t>(std::min<std::uint64_t>(rows, kVisitRows)));
    return [context, from, chunk = std::move(chunk)]() mutable {
        return take<Row>(context, from, std::move(chunk));
    };
}

template <typename Row>
awaitable<Next> list(CommandContext context) {
    const std::uint64_t wanted =
        context.request.limit.value_or(std::numeric_limits<std::uint64_t>::max());
    std::uint64_t seen = 0;
    Next next = context.request.cursor;
    while (next && seen < wanted) {
        auto job = visit<Row>(context, *next, wanted - seen);
        Chunk<Row> chunk = co_await context.packet_thread.run<Chunk<Row>>(std::move(job));
        seen += chunk.rows.size();
        next = chunk.next;
        if (context.request.count) continue;
        for (const Row& row : chunk.rows)
            context.reply.item(to_json(row));
        co_await context.reply.flush();
    }
    if (context.request.count) context.reply.item(fmt::format(R"({{"count":{}}})", seen));
    co_return next;
}

awaitable<Next> list_drops(CommandContext context) {
    std::uint64_t rows = 0;
    for (std::size_t i = 0; i < kDropReasonCount; ++i) {
        const std::uint64_t packets = context.view.counters.drops[i].value();
        if (packets == 0 && !context.request.all) continue;
        ++rows;
        if (!context.request.count)
            context.reply.item(to_json(static_cast<DropReason>(i), packets));
    }
    if (context.request.count) context.reply.item(fmt::format(R"({{"count":{}}})", rows));
    co_return std::nullopt;
}

awaitable<Next> show_status(CommandContext context) {
    PoolSum pool;
    Next next = 0;
    while (next) {
        auto job = visit<PoolRow>(context, *next, kVisitRows);
        auto chunk = co_await context.packet_thread.run<Chunk<PoolRow>>(std::move(job));
        for (const PoolRow& row : chunk.rows)
            pool.add(row);
        next = chunk.next;
    }
    context.reply.item(status_json(context.view, pool));
    co_return std::nullopt;
}

awaitable<Next> show_config(CommandContext context) {
    context.reply.item(config_json(context.view.config));
    co_return std::nullopt;
}

constexpr std::array kCommands = {
    Command{"show", "status", "", show_status},
    Command{"show", "bindings", "client mapped protocol limit cursor count", list<BindingRow>},
    Command{"show",
            "sessions",
            "client server mapped protocol limit cursor count",
            list<SessionRow>},
    Command{"show", "pool", "mapped protocol limit cursor count", list<PoolRow>},
    Command{"show", "drops", "all count", list_drops},
    Command{"show", "config", "", show_config},
};

/// Is `word` one of the words of `list`?
bool has_word(std::string_view words, std::string_view word) {
    while (!words.empty()) {
        const std::size_t end = std::min(words.find(' '), words.size());
        if (words.substr(0, end) == word) return true;
        words.remove_prefix(std::min(end + 1, words.size()));
    }
    return false;
}

/// "status, bindings, ...": what the verb can be asked for.
std::string choices(std::string_view verb) {
    std::string text;
    for (const Command& command : kCommands)
        if (command.verb == verb)
            text += fmt::format("{}{}", text.empty() ? "" : ", ", command.what);
    return text;
}

ControlError unknown(const Request& request) {
    const std::string known = choices(request.verb);
    if (known.empty())
        return {"unknown_verb", fmt::format("there is no verb {}", in_quotes(request.verb))};
    return {"unknown_what",
            fmt::format("{} cannot be asked for {}, only for {}",
                        request.verb,
                        in_quotes(request.what),
                        known)};
}

} // namespace

std::span<const Command> control_commands() noexcept {
    return kCommands;
}

std::expected<const Command*, ControlError> find_command(const Request& request) {
    for (const Command& command : kCommands) {
        if (command.verb != request.verb || command.what != request.what) continue;
        for (const std::string& field : request.fields)
            if (!has_word(command.fields, field))
                return std::unexpected{ControlError{
                    "unknown_field",
                    fmt::format(
                        "{} means nothing to {} {}", field, command.verb, command.what)}};
        return &command;
    }
    return std::unexpected{unknown(request)};
}

} // namespace nat64::service
