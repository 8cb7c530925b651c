// SPDX-License-Identifier: Apache-2.0
// Writing all of a text to a socket within a time, a piece of memory at a time: a confined
// process has send(), not sendmsg() (platform/confinement.hpp), which Beast's streams use for
// whatever they write.
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

namespace nat64::service {

/// Throws boost::system::system_error, timed_out among them. `socket` outlives it.
template <typename Socket>
boost::asio::awaitable<void>
write_within(std::chrono::milliseconds time, Socket& socket, std::string text) {
    namespace asio = boost::asio;
    const auto late = std::make_shared<asio::cancellation_signal>();
    asio::steady_timer deadline{socket.get_executor(), time};
    deadline.async_wait([late](boost::system::error_code cancelled) {
        if (!cancelled) late->emit(asio::cancellation_type::terminal);
    });
    boost::system::error_code error;
    auto token = asio::bind_cancellation_slot(late->slot(),
                                              asio::redirect_error(asio::use_awaitable, error));
    co_await asio::async_write(socket, asio::buffer(text), token);
    const bool expired = deadline.expiry() <= asio::steady_timer::clock_type::now();
    if (error == asio::error::operation_aborted && expired) error = asio::error::timed_out;
    if (error) throw boost::system::system_error{error};
}

} // namespace nat64::service
