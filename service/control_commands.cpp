// SPDX-License-Identifier: Apache-2.0
// The table, and the commands that list rows. `show status` has a file of its own
// (control_status.cpp).
#include "service/control_commands.hpp"

#include "config/log_level.hpp"
#include "core/verdict.hpp"
#include "service/control_clients.hpp"
#include "service/control_config.hpp"
#include "service/control_rows.hpp"
#include "service/control_status.hpp"
#include "service/explain.hpp"
#include "service/follow.hpp"
#include "service/in_quotes.hpp"
#include "service/logging.hpp"
#include "service/session_pages.hpp"
#include "service/session_reader.hpp"

#include <algorithm>
#include <array>
#include <concepts>
#include <functional>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <spdlog/spdlog.h>

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
        if (row.whole_hosts) return filter.mapped && !filter.mapped->overlaps(*row.whole_hosts);
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
        const Chunk<Row> chunk = co_await context.packet_thread.run<Chunk<Row>>(std::move(job));
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

/// The next page of sessions that are not the backend's.
awaitable<SessionPage::Result>
next_page(CommandContext context, Cursor from, std::size_t room) {
    const auto reader = context.view.sessions(context.packet_thread, context.request.filter);
    SessionPage page{from, room};
    std::vector<SessionRow> rows;
    bool more = true;
    while (more) {
        rows.clear();
        more = co_await reader->next(rows);
        for (const SessionRow& row : rows)
            page.offer(place_of(row), row);
    }
    co_return page.take();
}

awaitable<Next> list_pages(CommandContext context) {
    std::uint64_t left =
        context.request.limit.value_or(std::numeric_limits<std::uint64_t>::max());
    std::uint64_t seen = 0;
    Next next = context.request.cursor;
    while (next && left > 0) {
        const auto room = static_cast<std::size_t>(std::min(left, kPageRows));
        const SessionPage::Result page = co_await next_page(context, *next, room);
        next = page.next;
        seen += page.rows.size();
        left -= std::min<std::uint64_t>(left, page.rows.size());
        for (std::size_t i = 0; i < page.rows.size() && !context.request.count; ++i) {
            context.reply.item(to_json(page.rows[i]));
            if (i % kVisitRows == kVisitRows - 1) co_await context.reply.flush();
        }
    }
    if (context.request.count) context.reply.item(fmt::format(R"({{"count":{}}})", seen));
    co_return next;
}

/// All of them, in the order in which they come.
awaitable<Next> list_stream(CommandContext context) {
    const auto reader = context.view.sessions(context.packet_thread, context.request.filter);
    std::vector<SessionRow> rows;
    std::uint64_t seen = 0;
    bool more = true;
    while (more) {
        rows.clear();
        more = co_await reader->next(rows);
        seen += rows.size();
        if (context.request.count) continue;
        for (const SessionRow& row : rows)
            context.reply.item(to_json(row));
        co_await context.reply.flush();
    }
    if (context.request.count) context.reply.item(fmt::format(R"({{"count":{}}})", seen));
    co_return std::nullopt;
}

awaitable<Next> list_sessions(CommandContext context) {
    if (!context.view.sessions) return list<SessionRow>(context);
    const bool in_order = context.request.limit || context.request.fields.contains("cursor");
    return in_order ? list_pages(context) : list_stream(context);
}

awaitable<Next> list_drops(CommandContext context) {
    const DropSum drops = all_drops(context.view);
    std::uint64_t rows = 0;
    for (std::size_t i = 0; i < drops.size(); ++i) {
        const std::uint64_t packets = drops[i];
        if (packets == 0 && !context.request.all) continue;
        ++rows;
        if (!context.request.count)
            context.reply.item(to_json(static_cast<DropReason>(i), packets));
    }
    if (context.request.count) context.reply.item(fmt::format(R"({{"count":{}}})", rows));
    co_return std::nullopt;
}

/// How many sessions there are, where the counters do not tell.
awaitable<std::optional<CountedSessions>> count_sessions(CommandContext context) {
    if (!context.view.count) co_return std::nullopt;
    const CountedSessions counted = co_await context.view.count();
    co_return counted;
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
    const std::optional<CountedSessions> sessions = co_await count_sessions(context);
    context.reply.item(status_json(context.view, pool, sessions));
    co_return std::nullopt;
}

awaitable<Next> show_config(CommandContext context) {
    context.reply.item(config_json(context.view.config));
    co_return std::nullopt;
}

/// One item for each key that has changed.
awaitable<Next> reload(CommandContext context) {
    const auto changes = co_await context.view.changes->reload();
    for (const config::Change& change : changes)
        context.reply.item(to_json(change));
    co_return std::nullopt;
}

/// Visits until the backend has looked at all of its sessions.
awaitable<Flushed> flush_backend(CommandContext context) {
    struct Step {
        Next next;
        Flushed flushed;
    };

    Step step{.next = 0, .flushed = {}};
    while (step.next) {
        std::function<Step()> job = [context, step]() mutable {
            step.next = context.view.backend.flush(*step.next,
                                                   context.request.filter,
                                                   kVisitBudget,
                                                   context.view.now(),
                                                   step.flushed);
            return step;
        };
        step = co_await context.packet_thread.run<Step>(std::move(job));
    }
    co_return step.flushed;
}

awaitable<Next> flush(CommandContext context) {
    const bool filtered = context.request.fields.size() > context.request.fields.count("all");
    if (filtered == context.request.all)
        throw CommandFailure{"bad_request", "flush takes filters, or all: true"};
    Flushed flushed;
    if (context.view.flush)
        flushed = co_await context.view.flush(context.packet_thread, context.request.filter);
    else
        flushed = co_await flush_backend(context);
    spdlog::info(
        "flush: {} sessions and {} bindings ended", flushed.sessions, flushed.bindings);
    context.reply.item(
        fmt::format(R"({{"sessions":{},"bindings":{}}})", flushed.sessions, flushed.bindings));
    co_return std::nullopt;
}

awaitable<Next> log_level(CommandContext context) {
    if (!context.request.level) throw CommandFailure{"bad_request", "level is missing"};
    const auto name = config::name_of(*context.request.level);
    const auto set = context.view.set_log_level;
    set ? set(*context.request.level) : set_log_level(*context.request.level);
    spdlog::info("log level: {}, until the next reload or restart", name);
    context.reply.item(fmt::format(R"({{"level":"{}"}})", name));
    co_return std::nullopt;
}

std::optional<ControlError> check_question(const Request& request) {
    if (!request.to) return ControlError{"bad_value", "to must be an address: it is missing"};
    if (const auto wrong = fault(question_of(request)))
        return ControlError{"bad_value", "to: " + *wrong};
    return std::nullopt;
}

awaitable<Next> explain(CommandContext context) {
    std::function<Findings()> job = [&view = context.view,
                                     settings = context.view.config.translator,
                                     question = question_of(context.request)] {
        return find_out(question, settings, view.backend, view.now());
    };
    const auto found = co_await context.packet_thread.run<Findings>(std::move(job));
    context.reply.item(explain_json(found, context.view.config));
    co_return std::nullopt;
}

constexpr std::array kCommands = {
    Command{"show", "status", "", show_status},
    Command{"show", "bindings", "client mapped protocol limit cursor count", list<BindingRow>},
    Command{
        "show", "sessions", "client server mapped protocol limit cursor count", list_sessions},
    Command{"show", "clients", "client limit cursor sort count", list_clients},
    Command{"show", "pool", "mapped protocol limit cursor count", list<PoolRow>},
    Command{"show", "drops", "all count", list_drops},
    Command{"show", "config", "", show_config},
    Command{"follow", "events", "client mapped protocol", follow_events},
    Command{"follow", "bindings", "client mapped protocol", follow_bindings},
    Command{"follow", "sessions", "client server mapped protocol", follow_sessions},
    Command{"reload", "", "", reload, Access::Change},
    Command{"flush", "", "client server mapped protocol all", flush, Access::Change},
    Command{"log-level", "", "level", log_level, Access::Change},
    Command{"explain",
            "",
            "from to protocol port source_port",
            explain,
            Access::Read,
            check_question},
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

/// "show status"
std::string in_words(const Command& command) {
    return fmt::format("{}{}{}", command.verb, command.what.empty() ? "" : " ", command.what);
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
    if (std::ranges::find(kCommands, request.verb, &Command::verb) == kCommands.end())
        return {"unknown_verb", fmt::format("there is no verb {}", in_quotes(request.verb))};
    const std::string known = choices(request.verb);
    if (known.empty()) return {"unknown_what", fmt::format("{} takes no `what`", request.verb)};
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
                    fmt::format("{} means nothing to {}", field, in_words(command))}};
        if (command.check == nullptr) return &command;
        if (auto error = command.check(request)) return std::unexpected{std::move(*error)};
        return &command;
    }
    return std::unexpected{unknown(request)};
}

} // namespace nat64::service
