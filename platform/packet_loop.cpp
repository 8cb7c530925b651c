// SPDX-License-Identifier: Apache-2.0
// Two coroutines on one thread: one follows the descriptor, one the clock. Both end in
// Translator::expire(), whose answer says when the clock matters next.
#include "platform/packet_loop.hpp"

#include "core/clock.hpp"
#include "core/napt_backend.hpp"
#include "core/net/packet_buffer.hpp"
#include "core/translator.hpp"
#include "platform/packet_queue.hpp"
#include "platform/system_clock.hpp"

#include <algorithm>
#include <chrono>
#include <exception>
#include <span>
#include <utility>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/error_code.hpp>

namespace nat64::platform {

namespace asio = boost::asio;

namespace {

/// After so many batches without a pause, posted work gets its turn.
constexpr int kBatchesPerTurn = 16;
/// Timers run between two batches: little enough not to be noticed.
constexpr Budget kExpireBudget{.slots = 256};
/// The timer sleeps no longer than this even when nothing is due.
constexpr Clock::duration kLongestSleep = std::chrono::minutes{1};

} // namespace

PacketLoop::PacketLoop(PacketQueue& queue, int readable_fd, Translator& translator)
    : queue_{queue}, translator_{translator}, readable_{io_, readable_fd}, timer_{io_} {
    const auto on_end = [this](const std::exception_ptr& error) { failed(error); };
    asio::co_spawn(io_, carry_packets(), on_end);
    asio::co_spawn(io_, run_timers(), on_end);
}

PacketLoop::~PacketLoop() {
    readable_.release(); // the queue closes it
}

void PacketLoop::run() {
    io_.run();
    if (error_) std::rethrow_exception(error_);
}

void PacketLoop::stop() noexcept {
    io_.stop();
}

asio::any_io_executor PacketLoop::executor() noexcept {
    return io_.get_executor();
}

void PacketLoop::wake() {
    expire(platform::now());
    arm_timer();
}

asio::awaitable<void> PacketLoop::carry_packets() {
    for (;;) {
        co_await readable_.async_wait(asio::posix::stream_descriptor::wait_read,
                                      asio::use_awaitable);
        while (drain() == Drained::No)
            co_await asio::post(io_, asio::use_awaitable);
        arm_timer();
    }
}

PacketLoop::Drained PacketLoop::drain() {
    for (int i = 0; i < kBatchesPerTurn; ++i) {
        const std::span<PacketBuffer> batch = queue_.read_batch();
        if (batch.empty()) return Drained::Yes;
        const auto now = platform::now();
        translator_.handle(batch, now, queue_);
        expire(now);
    }
    return Drained::No;
}

asio::awaitable<void> PacketLoop::run_timers() {
    for (;;) {
        expire(platform::now());
        const auto sleep =
            std::clamp(deadline_ - platform::now(), Clock::duration{0}, kLongestSleep);
        armed_until_ = platform::now() + sleep;
        timer_.expires_after(sleep);
        boost::system::error_code rearmed; // by arm_timer(): an earlier deadline has come up
        co_await timer_.async_wait(asio::redirect_error(asio::use_awaitable, rearmed));
    }
}

void PacketLoop::expire(Clock::time_point now) {
    deadline_ = translator_.expire(now, kExpireBudget, queue_);
}

/// Wakes run_timers() if it would sleep past the deadline.
void PacketLoop::arm_timer() {
    if (deadline_ < armed_until_) timer_.cancel();
}

void PacketLoop::failed(std::exception_ptr error) noexcept {
    error_ = std::move(error);
    io_.stop();
}

} // namespace nat64::platform
