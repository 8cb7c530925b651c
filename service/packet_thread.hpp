// SPDX-License-Identifier: Apache-2.0
// How a coroutine of the control thread has something done on the packet thread, which alone
// may touch a NaptBackend. One visit at a time, whoever asks: however many clients list tables,
// the packets wait for at most one job, and the job bounds itself by a Budget.
//
// Nothing of the coroutine is reachable from the packet thread: job and result live in a block
// of their own, so either thread's io_context may be destroyed first, once both have stopped.
// Used by the control thread only.
#pragma once

#include "service/turns.hpp"

#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <utility>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/post.hpp>

namespace nat64::service {

class PacketThread {
public:
    PacketThread(boost::asio::any_io_executor control, boost::asio::any_io_executor packets)
        : control_{control}, packets_{std::move(packets)}, turns_{std::move(control)} {}

    PacketThread(const PacketThread&) = delete;
    PacketThread& operator=(const PacketThread&) = delete;
    ~PacketThread() = default;

    /// Runs `job` on the packet thread, in turn, and gives its result or its exception.
    template <typename Result>
    boost::asio::awaitable<Result> run(std::function<Result()> job) {
        co_await turns_.come();
        const Turns::Mine mine{turns_};
        auto visit = std::make_shared<Visit<Result>>();
        visit->job = std::move(job);
        const Alarm done = make_alarm(control_);
        dispatch(visit, done);
        co_await wait_for(done);
        if (visit->error) std::rethrow_exception(visit->error);
        // NOLINTNEXTLINE(bugprone-unchecked-optional-access): there, if there is no error
        co_return std::move(visit->result.value());
    }

private:
    template <typename Result>
    struct Visit {
        std::function<Result()> job;
        std::optional<Result> result;
        std::exception_ptr error;
    };

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
    Turns turns_;
};

} // namespace nat64::service
