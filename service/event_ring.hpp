// SPDX-License-Identifier: Apache-2.0
// Binding and session events on their way from the packet thread to whoever writes them down.
// A ring of fixed size with one writer and one reader: on_event() copies one Event and never
// waits, allocates or locks; when the reader does not keep up the newest events are lost and
// counted, never a packet. Thread-safe in this sense: on_event() on the packet thread,
// everything else on one other thread.
#pragma once

#include "core/napt_backend.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>

namespace nat64::service {

class EventRing final : public EventSink {
public:
    /// Room for `capacity` events, a power of two.
    explicit EventRing(std::size_t capacity);

    void on_event(const Event& event) noexcept override;

    /// Takes the oldest event. False when there is none.
    [[nodiscard]] bool take(Event& event) noexcept;

    /// Events that found the ring full, since the start.
    [[nodiscard]] std::uint64_t lost() const noexcept {
        return lost_.load(std::memory_order_relaxed);
    }

private:
    static constexpr std::size_t kCacheLine = 64;

    std::size_t mask_;
    std::unique_ptr<Event[]> events_;
    alignas(kCacheLine) std::atomic<std::uint64_t> written_{0}; ///< by the packet thread
    alignas(kCacheLine) std::atomic<std::uint64_t> taken_{0};   ///< by the reader
    std::atomic<std::uint64_t> lost_{0};                        ///< by the packet thread
};

} // namespace nat64::service
