// SPDX-License-Identifier: Apache-2.0
// Through a pair of sockets whose buffers are soon full.
#include "service/write_within.hpp"

#include <cstddef>
#include <exception>
#include <string>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/local/connect_pair.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <doctest/doctest.h>

namespace nat64::service {

namespace asio = boost::asio;

namespace {

constexpr std::size_t kMuch = 4'000'000;

struct Pair {
    asio::io_context context{1};
    asio::local::stream_protocol::socket here{context};
    asio::local::stream_protocol::socket there{context};

    Pair() { asio::local::connect_pair(here, there); }

    /// How writing that much ends.
    boost::system::error_code write(std::chrono::milliseconds time) {
        boost::system::error_code error = asio::error::would_block;
        const auto keep = [&](const std::exception_ptr& failure) {
            try {
                error = {};
                if (failure) std::rethrow_exception(failure);
            } catch (const boost::system::system_error& problem) {
                error = problem.code();
            }
        };
        asio::co_spawn(context, write_within(time, here, std::string(kMuch, 'x')), keep);
        context.run();
        return error;
    }
};

} // namespace

TEST_CASE("write within a time: all of it arrives at who reads") {
    Pair pair;
    std::string read(kMuch, '\0');
    std::size_t arrived = 0;
    asio::async_read(
        pair.there, asio::buffer(read), [&](const auto&, std::size_t size) { arrived = size; });
    CHECK(!pair.write(std::chrono::seconds{10}));
    CHECK(arrived == kMuch);
    CHECK(read == std::string(kMuch, 'x'));
}

TEST_CASE("write within a time: who does not read is waited for so long and no longer") {
    Pair pair;
    CHECK(pair.write(std::chrono::milliseconds{50}) == asio::error::timed_out);
}

TEST_CASE("write within a time: who has gone is not waited for") {
    Pair pair;
    pair.there.close();
    CHECK(pair.write(std::chrono::seconds{10}) == asio::error::broken_pipe);
}

} // namespace nat64::service
