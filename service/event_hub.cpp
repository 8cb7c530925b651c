// SPDX-License-Identifier: Apache-2.0
// Listeners come and go; the ring stays once it is there, because the packet thread may still
// be writing into it when the last listener goes.
#include "service/event_hub.hpp"

#include <chrono>
#include <utility>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace nat64::service {

namespace asio = boost::asio;

namespace {

constexpr std::chrono::milliseconds kTurn{20};
/// At kTurn, 800 000 events a second.
constexpr std::size_t kCapacity = 16384;

} // namespace

EventHub::EventHub(asio::any_io_executor control,
                   asio::any_io_executor packets,
                   NaptBackend& backend)
    : control_{std::move(control)}, packets_{std::move(packets)}, backend_{backend} {}

EventHub::Subscription::Subscription(std::shared_ptr<EventHub> hub, EventListener& listener)
    : hub_{std::move(hub)}, listener_{&listener} {
    hub_->add(listener);
}

EventHub::Subscription::~Subscription() {
    hub_->remove(*listener_);
}

void EventHub::add(EventListener& listener) {
    listeners_.push_back(&listener);
    if (listeners_.size() > 1 || stopped_) return;
    if (!ring_) ring_ = std::make_unique<EventRing>(kCapacity);
    discard();
    switch_events(ring_.get());
    if (std::exchange(pumping_, true)) return;
    asio::co_spawn(control_, pump(shared_from_this()), asio::detached);
}

void EventHub::remove(EventListener& listener) noexcept {
    std::erase(listeners_, &listener);
    if (!listeners_.empty() || stopped_) return;
    try {
        switch_events(nullptr);
    } catch (...) { // NOLINT(bugprone-empty-catch): no memory; events go on, nobody is told
    }
}

void EventHub::switch_events(EventSink* sink) {
    asio::post(packets_, [&backend = backend_, sink] { backend.set_event_sink(sink); });
}

/// What was left when the last listener went.
void EventHub::discard() noexcept {
    for (Event event; ring_->take(event);) {
    }
    told_lost_ = ring_->lost();
}

void EventHub::drain() {
    if (!ring_) return;
    Event event;
    // No more than one ring's worth, or a flood of events could keep us here.
    for (std::size_t i = 0; i < kCapacity && ring_->take(event); ++i)
        for (EventListener* const listener : listeners_)
            listener->on_event(event);
    const auto lost = ring_->lost();
    const auto missing = lost - std::exchange(told_lost_, lost);
    for (EventListener* const listener : listeners_) {
        if (missing != 0) listener->on_lost(missing);
        listener->on_pause();
    }
}

void EventHub::stop() {
    if (std::exchange(stopped_, true)) return;
    drain();
}

asio::awaitable<void> EventHub::pump(std::shared_ptr<EventHub> self) {
    asio::steady_timer timer{self->control_};
    boost::system::error_code ignored;
    auto token = asio::redirect_error(asio::use_awaitable, ignored);
    while (!self->listeners_.empty() && !self->stopped_) {
        self->drain();
        timer.expires_after(kTurn);
        co_await timer.async_wait(token);
    }
    self->pumping_ = false;
}

} // namespace nat64::service
