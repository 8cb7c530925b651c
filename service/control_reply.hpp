// SPDX-License-Identifier: Apache-2.0
// The reply lines to one request: items are collected here and leave for the client when the
// command flushes, which it does every few hundred rows and which takes as long as the client
// takes. So a reply never holds more than that many rows. Knows no socket: the connection hands
// in how to write. Single-threaded.
#pragma once

#include "service/control_request.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <boost/asio/awaitable.hpp>

namespace nat64::service {

/// Takes bytes to the client; returns when they have left. Throws if the client is gone.
class ReplyWriter {
public:
    virtual boost::asio::awaitable<void> write(std::string_view bytes) = 0;

protected:
    ~ReplyWriter() = default;
};

class Reply {
public:
    /// `id` is JSON text.
    Reply(std::string id, ReplyWriter& writer) : id_{std::move(id)}, writer_{writer} {}

    /// Adds one item, a JSON value.
    void item(std::string_view json);

    boost::asio::awaitable<void> flush();

    /// The last line of a reply, with where to go on if the listing was cut short.
    boost::asio::awaitable<void> done(std::optional<std::string> cursor);
    /// The last line of a reply that failed, items before it included.
    boost::asio::awaitable<void> failed(ControlError error);

private:
    std::string id_;
    ReplyWriter& writer_;
    std::string lines_;
};

/// The line that reports an error; `id` is JSON text.
[[nodiscard]] std::string error_line(std::string_view id, const ControlError& error);

} // namespace nat64::service
