// SPDX-License-Identifier: Apache-2.0
// How many sessions napt: kernel has. Nobody keeps count of conntrack's flows by their source,
// so counting is a pass over all of them, 0.2 s of CPU for a hundred thousand, nearly all of it
// in the kernel. A monitor that asks every second must not turn that into work without end: a
// count is said again until it has rested twenty times as long as it took. Flows whose client
// has gone are counted until they are ended, which is within a minute; so no packet waits for
// this, nobody has to ask whose they are.
//
// Control thread. Other work of it goes on between two datagrams of a pass.
#pragma once

#include "backends/kernel/netfilter.hpp"
#include "core/clock.hpp"
#include "service/session_reader.hpp"
#include "service/turns.hpp"

#include <functional>
#include <optional>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

namespace nat64::daemon {

class FlowCount {
public:
    FlowCount(kernel::Netfilter& netfilter,
              boost::asio::any_io_executor control,
              std::function<Clock::time_point()> now);

    /// A pass, or what the last one came to. Throws OsError.
    boost::asio::awaitable<service::CountedSessions> get();

private:
    boost::asio::awaitable<service::SessionSum> pass();

    static constexpr int kRest = 20; ///< so at most a twentieth of a CPU

    kernel::Netfilter& netfilter_;
    boost::asio::any_io_executor control_;
    std::function<Clock::time_point()> now_;
    service::Turns turns_; ///< who comes during a pass waits for its end
    std::optional<service::CountedSessions> last_;
    Clock::time_point next_; ///< when the last one has rested
};

} // namespace nat64::daemon
