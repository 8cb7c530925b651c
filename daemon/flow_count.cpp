// SPDX-License-Identifier: Apache-2.0
#include "daemon/flow_count.hpp"

#include <utility>

#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace nat64::daemon {

namespace asio = boost::asio;

FlowCount::FlowCount(kernel::Netfilter& netfilter,
                     asio::any_io_executor control,
                     std::function<Clock::time_point()> now)
    : netfilter_{netfilter},
      control_{std::move(control)},
      now_{std::move(now)},
      turns_{control_} {}

asio::awaitable<service::CountedSessions> FlowCount::get() {
    co_await turns_.come();
    const service::Turns::Mine mine{turns_};
    const auto begun = now_();
    if (last_ && begun < next_) co_return *last_;
    const auto sum = co_await pass();
    const auto ended = now_();
    last_ = {.sessions = sum, .when = ended};
    next_ = ended + kRest * (ended - begun);
    co_return *last_;
}

asio::awaitable<service::SessionSum> FlowCount::pass() {
    service::SessionSum sum{};
    const auto reader = netfilter_.flows();
    while (reader->count(sum))
        co_await asio::post(control_, asio::use_awaitable);
    co_return sum;
}

} // namespace nat64::daemon
