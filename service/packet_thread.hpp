// SPDX-License-Identifier: Apache-2.0
// How a coroutine of the control thread has something done on the packet thread, which alone
// may touch a NaptBackend. One visit at a time, whoever asks: however many clients list tables,
// the packets wait for at most one job, and the job bounds itself by a Budget.
//
// Nothing of the coroutine is reachable from the packet thread: job and result live in a block
// of their own, so either thread's io_context may be destroyed first, once both have stopped.
// Used by the control thread only.
#pragma once

#include <chrono>
#include <deque>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <utility>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace nat64::service {

class PacketThread {
public:
    PacketThread(boost::asio::any_io_executor control, boost::asio::any_io_executor packets)
        : control_{std::move(control)}, packets_{std::move(packets)} {}

    PacketThread(const PacketThread&) = delete;
    PacketThread& operator=(const PacketThread&) = delete;

    /// Runs `job` on the packet thread, in turn, and gives its result or its exception.
    template <typename Result>
    boost::asio::awaitable<Result> run(std::function<Result()> job) {
        co_await turn();
        const Turn mine{*this};
        auto visit = std::make_shared<Visit<Result>>();
        visit->job = std::move(job);
        const Alarm done = make_alarm();
        dispatch(visit, done);
        co_await wait(done);
        if (visit->error) std::rethrow_exception(visit->error);
        co_return std::move(visit->result.value());
    }

private:
    /// A timer that never rings: cancelling it wakes who waits for it.
    using Alarm = std::shared_ptr<boost::asio::steady_timer>;

    template <typename Result>
    struct Visit {
        std::function<Result()> job;
        std::optional<Result> result;
        std::exception_ptr error;
    };

    /// Ends the turn, also when the coroutine is destroyed.
    class Turn {
    public:
        explicit Turn(PacketThread& owner) : owner_{owner} {}

        Turn(const Turn&) = delete;
        Turn& operator=(const Turn&) = delete;

        ~Turn() { owner_.next(); }

    private:
        PacketThread& owner_;
    };

    [[nodiscard]] Alarm make_alarm() const {
        return std::make_shared<boost::asio::steady_timer>(
            control_, boost::asio::steady_timer::time_point::max());
    }

    static boost::asio::awaitable<void> wait(Alarm alarm) {
        boost::system::error_code cancelled;
        co_await alarm->async_wait(
            boost::asio::redirect_error(boost::asio::use_awaitable, cancelled));
    }

    boost::asio::awaitable<void> turn() {
        if (!std::exchange(busy_, true)) co_return;
        const Alarm alarm = make_alarm();
        waiting_.push_back(alarm);
        co_await wait(alarm);
    }

    /// Hands the turn to who waits longest, so that nobody can push in.
    void next() noexcept {
        while (!waiting_.empty()) {
            const Alarm alarm = waiting_.front().lock();
            waiting_.pop_front();
            if (!alarm) continue;
            alarm->cancel();
            return;
        }
        busy_ = false;
    }

    template <typename Result>
    void dispatch(std::shared_ptr<Visit<Result>> visit, const Alarm& done) {
        boost::asio::post(packets_,
                          [visit = std::move(visit),
                           control = control_,
                           done = std::weak_ptr<boost::asio::steady_timer>{done}]() mutable {
                              try {
                                  visit->result.emplace(visit->job());
                              } catch (...) {
                                  visit->error = std::current_exception();
                              }
                              // The visit goes along, so that nothing is freed on the packet
                              // thread.
                              boost::asio::post(
                                  control, [visit = std::move(visit), done = std::move(done)] {
                                      if (const Alarm alarm = done.lock()) alarm->cancel();
                                  });
                          });
    }

    boost::asio::any_io_executor control_;
    boost::asio::any_io_executor packets_;
    bool busy_ = false;
    std::deque<std::weak_ptr<boost::asio::steady_timer>> waiting_;
};

} // namespace nat64::service
