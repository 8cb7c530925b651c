// SPDX-License-Identifier: Apache-2.0
// Where `show sessions` reads when the backend has none of its own (napt: kernel, whose
// sessions are conntrack's), and how they are ended. One reader is one pass over all of them.
// Control thread.
#pragma once

#include "core/clock.hpp"
#include "core/napt_backend.hpp"
#include "service/packet_thread.hpp"

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include <boost/asio/awaitable.hpp>

namespace nat64::service {

class SessionReader {
public:
    virtual ~SessionReader() = default;

    /// Appends the next rows, some hundred or none. False when these were the last.
    virtual boost::asio::awaitable<bool> next(std::vector<SessionRow>& rows) = 0;
};

/// Begins a pass over those that `filter` lets through. Weakly consistent, in any order.
using SessionSource =
    std::function<std::unique_ptr<SessionReader>(PacketThread& packets, const Filter& filter)>;

/// Sessions by protocol.
using SessionSum = std::array<std::uint64_t, kL4ProtoCount>;

struct CountedSessions {
    SessionSum sessions{};
    Clock::time_point when; ///< they were so many
};

/// Counts all of them, or says what came of it a short while ago.
using SessionCount = std::function<boost::asio::awaitable<CountedSessions>()>;

/// Ends those that the filter lets through.
using SessionFlush =
    std::function<boost::asio::awaitable<Flushed>(PacketThread& packets, Filter filter)>;

} // namespace nat64::service
