// SPDX-License-Identifier: Apache-2.0
// One coroutine at a time, in the order in which they came: a mutex for coroutines of the
// control thread. Waiting blocks nobody. Single-threaded.
#pragma once

#include <deque>
#include <memory>
#include <utility>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace nat64::service {

/// A timer that never rings: cancelling it wakes who waits for it.
using Alarm = std::shared_ptr<boost::asio::steady_timer>;

[[nodiscard]] inline Alarm make_alarm(const boost::asio::any_io_executor& executor) {
    return std::make_shared<boost::asio::steady_timer>(
        executor, boost::asio::steady_timer::time_point::max());
}

inline boost::asio::awaitable<void> wait_for(Alarm alarm) {
    boost::system::error_code cancelled;
    co_await alarm->async_wait(
        boost::asio::redirect_error(boost::asio::use_awaitable, cancelled));
}

class Turns {
    struct State;

public:
    explicit Turns(boost::asio::any_io_executor executor)
        : state_{std::make_shared<State>(std::move(executor))} {}

    Turns(const Turns&) = delete;
    Turns& operator=(const Turns&) = delete;
    ~Turns() = default;

    /// Ends the turn, also when the coroutine is destroyed, which may be after the Turns: what
    /// waits in an io_context goes with it, last of all.
    class Mine {
    public:
        explicit Mine(Turns& owner) : state_{owner.state_} {}

        Mine(const Mine&) = delete;
        Mine& operator=(const Mine&) = delete;

        ~Mine() { state_->next(); }

    private:
        std::shared_ptr<State> state_;
    };

    /// Returns when it is the caller's turn, which a Mine has to end. At once, without leaving
    /// the thread to others, if nobody else has it.
    boost::asio::awaitable<void> come() {
        if (!std::exchange(state_->busy, true)) co_return;
        const Alarm alarm = make_alarm(state_->executor);
        state_->waiting.push_back(alarm);
        co_await wait_for(alarm);
    }

private:
    struct State {
        explicit State(boost::asio::any_io_executor executor_)
            : executor{std::move(executor_)} {}

        /// Hands the turn to who waits longest, so that nobody can push in.
        void next() noexcept {
            while (!waiting.empty()) {
                const Alarm alarm = waiting.front().lock();
                waiting.pop_front();
                if (!alarm) continue;
                alarm->cancel();
                return;
            }
            busy = false;
        }

        boost::asio::any_io_executor executor;
        bool busy = false;
        std::deque<std::weak_ptr<boost::asio::steady_timer>> waiting;
    };

    std::shared_ptr<State> state_;
};

} // namespace nat64::service
