// SPDX-License-Identifier: Apache-2.0
// What the packet thread does: wait until the TUN is readable, drain it batch by batch through
// the translator, run timers, and let posted work (control commands that read the backend) in
// between. One PacketLoop, one io_context, one thread for each queue; nothing is shared but
// what post() brings.
//
// A coroutine per wakeup, plain functions per packet: between two packets there is no system
// call but read and write.
#pragma once

#include "core/clock.hpp"
#include "core/translator.hpp"
#include "platform/packet_queue.hpp"

#include <exception>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>

namespace nat64::platform {

class PacketLoop {
public:
    /// `readable_fd` becomes readable when `queue` has packets; it stays the queue's. All three
    /// must outlive the loop.
    PacketLoop(PacketQueue& queue, int readable_fd, Translator& translator);
    ~PacketLoop();
    PacketLoop(const PacketLoop&) = delete;
    PacketLoop& operator=(const PacketLoop&) = delete;

    /// Runs on the calling thread until stop(). Throws what made going on impossible, such as
    /// the device's end.
    void run();

    /// Thread-safe.
    void stop() noexcept;

    /// Where to post what has to run on the packet thread. Thread-safe.
    [[nodiscard]] boost::asio::any_io_executor executor() noexcept;

    /// The translator may have more to do than it said last. Packet thread.
    void wake();

private:
    enum class Drained : bool { No, Yes };

    boost::asio::awaitable<void> carry_packets();
    boost::asio::awaitable<void> run_timers();
    Drained drain();
    void expire(Clock::time_point now);
    void arm_timer();
    void failed(std::exception_ptr error) noexcept;

    PacketQueue& queue_;
    Translator& translator_;
    boost::asio::io_context io_{1};
    boost::asio::posix::stream_descriptor readable_;
    boost::asio::steady_timer timer_;
    Clock::time_point deadline_;    ///< when the translator wants expire() next
    Clock::time_point armed_until_; ///< when timer_ will fire
    std::exception_ptr error_;
};

} // namespace nat64::platform
