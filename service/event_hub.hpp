// SPDX-License-Identifier: Apache-2.0
// From the packet thread's event stream to whoever listens on the control thread: the log, and
// each `nat64 follow`. The backend makes events only while there is a listener; they come
// through one EventRing, which a coroutine empties 50 times a second. What the ring could not
// hold is counted and told to all listeners at the place where it is missing.
//
// Control thread, but for the ring. Held by a shared_ptr, because a listener's coroutine may be
// destroyed after the daemon's other parts: from stop() on nothing here touches the packet
// thread.
#pragma once

#include "core/napt_backend.hpp"
#include "service/event_ring.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

namespace nat64::service {

class EventListener {
public:
    virtual void on_event(const Event& event) = 0;
    /// So many events are missing here.
    virtual void on_lost(std::uint64_t events) = 0;

    /// No more for the moment.
    virtual void on_pause() {}

protected:
    ~EventListener() = default;
};

class EventHub : public std::enable_shared_from_this<EventHub> {
public:
    /// `backend` and both executors must be there until stop().
    EventHub(boost::asio::any_io_executor control,
             boost::asio::any_io_executor packets,
             NaptBackend& backend);
    EventHub(const EventHub&) = delete;
    EventHub& operator=(const EventHub&) = delete;
    ~EventHub() = default;

    /// Listens for as long as it lives.
    class Subscription {
    public:
        Subscription(std::shared_ptr<EventHub> hub, EventListener& listener);
        Subscription(const Subscription&) = delete;
        Subscription& operator=(const Subscription&) = delete;
        ~Subscription();

    private:
        std::shared_ptr<EventHub> hub_;
        EventListener* listener_;
    };

    /// Events that found the ring full, since the start.
    [[nodiscard]] std::uint64_t lost() const noexcept { return ring_ ? ring_->lost() : 0; }

    [[nodiscard]] std::size_t listeners() const noexcept { return listeners_.size(); }

    /// Hands on what is in the ring.
    void drain();

    /// The packet thread has ended: hands on the rest, and leaves its executor alone from now
    /// on.
    void stop();

private:
    void add(EventListener& listener);
    void remove(EventListener& listener) noexcept;
    void switch_events(EventSink* sink);
    void discard() noexcept;
    static boost::asio::awaitable<void> pump(std::shared_ptr<EventHub> self);

    boost::asio::any_io_executor control_;
    boost::asio::any_io_executor packets_;
    NaptBackend& backend_;
    std::unique_ptr<EventRing> ring_; ///< from the first listener on, for good
    std::vector<EventListener*> listeners_;
    std::uint64_t told_lost_ = 0;
    bool pumping_ = false;
    bool stopped_ = false;
};

} // namespace nat64::service
