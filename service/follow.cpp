// SPDX-License-Identifier: Apache-2.0
// A follower's queue, and the coroutine that empties it into a reply without end. A sign of
// life goes out when nothing else does: that is how each end notices that the other one is
// gone.
#include "service/follow.hpp"

#include "config/config.hpp"
#include "core/clock.hpp"
#include "service/daemon_view.hpp"
#include "service/event_text.hpp"

#include <functional>
#include <utility>

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <fmt/format.h>

namespace nat64::service {

namespace asio = boost::asio;

namespace {

constexpr std::chrono::seconds kSignOfLife{15};
/// Lines that leave in one piece.
constexpr int kLines = 256;

/// An event's age by the daemon's clock, taken off the time of day.
std::string time_of(const DaemonView& view, Clock::time_point when) {
    const auto age =
        std::chrono::duration_cast<std::chrono::system_clock::duration>(view.now() - when);
    return iso_time(std::chrono::system_clock::now() - age);
}

std::string to_json(const DaemonView& view, const Follower::News& news) {
    if (const auto* gap = std::get_if<Follower::Gap>(&news))
        return fmt::format(R"({{"event":"lost","events":{}}})", gap->events);
    const auto& event = std::get<Event>(news);
    return fmt::format(R"({{"time":"{}",{}}})",
                       time_of(view, event.when),
                       event_members(event, Destinations::Shown));
}

/// Never returns: the client's going away ends it, by an exception from flush().
asio::awaitable<std::optional<Cursor>> follow(CommandContext context, Follower::Wants wants) {
    if (wants == Follower::Wants::Sessions &&
        context.view.config.napt_mode == config::NaptMode::Kernel)
        throw CommandRefused{
            {"unknown_what",
             "with napt: kernel sessions are the kernel's: 'conntrack -E' follows "
             "them, 'nat64 follow bindings' its clients"}};
    if (context.view.events->listeners() >= Follower::kMost)
        throw CommandRefused{
            {"too_many_connections", fmt::format("{} follow already", Follower::kMost)}};
    Follower follower{co_await asio::this_coro::executor, wants, context.request.filter};
    const EventHub::Subscription subscription{context.view.events, follower};
    // Behind the switch that the subscription has sent to the packet thread.
    std::function<bool()> nothing = [] { return true; };
    co_await context.packet_thread.run<bool>(std::move(nothing));
    context.reply.item(R"({"event":"following"})");
    co_await context.reply.flush();
    for (;;) {
        co_await follower.wait(kSignOfLife);
        if (!follower.has_news()) context.reply.item(R"({"event":"alive"})");
        for (int i = 0; i < kLines && follower.has_news(); ++i) {
            const auto news = follower.take();
            context.reply.item(to_json(context.view, news));
        }
        co_await context.reply.flush();
    }
}

} // namespace

// ---- the queue ----

bool Follower::is_wanted(const Event& event) const noexcept {
    if (wants_ != Wants::Both && is_about_binding(event.kind) != (wants_ == Wants::Bindings))
        return false;
    if (filter_.client && !filter_.client->contains(event.client6.address)) return false;
    if (filter_.mapped && !filter_.mapped->contains(event.mapped4.address)) return false;
    if (filter_.server && !filter_.server->contains(event.server4.address)) return false;
    return !filter_.protocol || event.whole_host || *filter_.protocol == event.protocol;
}

void Follower::on_event(const Event& event) {
    if (!is_wanted(event)) return;
    if (news_.size() >= kRoom)
        on_lost(1);
    else
        news_.emplace_back(event);
}

/// Whether they were wanted, nobody knows.
void Follower::on_lost(std::uint64_t events) {
    auto* const gap = news_.empty() ? nullptr : std::get_if<Gap>(&news_.back());
    if (gap != nullptr)
        gap->events += events;
    else
        news_.emplace_back(Gap{events});
}

void Follower::on_pause() {
    if (has_news()) bell_.cancel();
}

Follower::News Follower::take() {
    const News oldest = news_.front();
    news_.pop_front();
    return oldest;
}

asio::awaitable<void> Follower::wait(std::chrono::milliseconds longest) {
    if (has_news()) co_return;
    bell_.expires_after(longest);
    boost::system::error_code rung;
    auto token = asio::redirect_error(asio::use_awaitable, rung);
    co_await bell_.async_wait(token);
}

// ---- the commands ----

asio::awaitable<std::optional<Cursor>> follow_bindings(CommandContext context) {
    return follow(context, Follower::Wants::Bindings);
}

asio::awaitable<std::optional<Cursor>> follow_sessions(CommandContext context) {
    return follow(context, Follower::Wants::Sessions);
}

asio::awaitable<std::optional<Cursor>> follow_events(CommandContext context) {
    return follow(context, Follower::Wants::Both);
}

} // namespace nat64::service
