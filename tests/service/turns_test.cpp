// SPDX-License-Identifier: Apache-2.0
#include "service/turns.hpp"

#include <chrono>
#include <memory>
#include <string>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <doctest/doctest.h>

namespace nat64::service {

namespace asio = boost::asio;

namespace {

/// Has its turn over two rounds of the loop.
asio::awaitable<void> visit(Turns& turns, char name, std::string& order) {
    co_await turns.come();
    const Turns::Mine mine{turns};
    order += name;
    co_await asio::post(co_await asio::this_coro::executor, asio::use_awaitable);
    order += name;
}

/// Has its turn for ever.
asio::awaitable<void> stay(Turns& turns) {
    co_await turns.come();
    const Turns::Mine mine{turns};
    co_await wait_for(make_alarm(co_await asio::this_coro::executor));
}

} // namespace

TEST_CASE("turns: one at a time, in the order in which they came") {
    asio::io_context context;
    Turns turns{context.get_executor()};
    std::string order;
    for (const char name : {'a', 'b', 'c'})
        asio::co_spawn(context, visit(turns, name, order), asio::detached);
    context.run();
    CHECK(order == "aabbcc");
}

TEST_CASE("turns: coroutines end with their io_context, after the turns they wait for") {
    asio::io_context context;
    auto turns = std::make_unique<Turns>(context.get_executor());
    std::string order;
    asio::co_spawn(context, stay(*turns), asio::detached);
    asio::co_spawn(context, visit(*turns, 'b', order), asio::detached);
    asio::co_spawn(context, visit(*turns, 'c', order), asio::detached);
    context.poll();
    CHECK(order.empty());
    turns.reset();
} // a sanitizer looks on

} // namespace nat64::service
