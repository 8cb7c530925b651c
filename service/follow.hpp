// SPDX-License-Identifier: Apache-2.0
// The `follow` commands: binding and session events to a client of the control socket as they
// happen, until it goes away. Each client has a queue of its own and reads at its own pace;
// what finds the queue full is counted, and the client is told so where it is missing. Nobody
// else waits for it: not the packets, not the log, not another client. Control thread.
#pragma once

#include "service/control_commands.hpp"
#include "service/event_hub.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <variant>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>

namespace nat64::service {

/// What one client wants to hear and has not been told yet.
class Follower final : public EventListener {
public:
    static constexpr std::size_t kRoom = 8192;
    /// At a time, so that there is always a connection left for `show`.
    static constexpr std::size_t kMost = 16;

    enum class Wants : std::uint8_t { Bindings, Sessions, Both };

    /// So many events are missing here.
    struct Gap {
        std::uint64_t events = 0;
    };

    using News = std::variant<Event, Gap>;

    Follower(const boost::asio::any_io_executor& control, Wants wants, Filter filter)
        : wants_{wants}, filter_{filter}, bell_{control} {}

    void on_event(const Event& event) override;
    void on_lost(std::uint64_t events) override;
    void on_pause() override;

    /// Waits for news, at most so long.
    boost::asio::awaitable<void> wait(std::chrono::milliseconds longest);

    [[nodiscard]] bool has_news() const noexcept { return !news_.empty(); }

    /// The oldest. There must be one.
    News take();

private:
    [[nodiscard]] bool is_wanted(const Event& event) const noexcept;

    Wants wants_;
    Filter filter_;
    std::deque<News> news_;
    boost::asio::steady_timer bell_;
};

boost::asio::awaitable<std::optional<Cursor>> follow_bindings(CommandContext context);
boost::asio::awaitable<std::optional<Cursor>> follow_sessions(CommandContext context);
boost::asio::awaitable<std::optional<Cursor>> follow_events(CommandContext context);

} // namespace nat64::service
