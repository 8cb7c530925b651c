// SPDX-License-Identifier: Apache-2.0
// The client's end of the control socket for a verb that has more to do than wait for it: the
// same requests and the same errors as control_client, as coroutines. One request at a time.
// Single-threaded.
#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/json/object.hpp>

namespace nat64::cli {

class ControlLink {
public:
    using Item = std::function<void(const boost::json::object& item)>;

    /// `patience`: for how long nothing may come.
    ControlLink(boost::asio::any_io_executor executor,
                std::filesystem::path socket,
                std::chrono::milliseconds patience);

    /// Throws ControlFailure, as everything here does when there is no daemon to talk to, or
    /// none that answers in time.
    [[nodiscard]] boost::asio::awaitable<void> connect();

    /// Sends `request` (with the version and an id added) and hands over each item of the
    /// reply. Throws ControlRefusal if the daemon will not.
    [[nodiscard]] boost::asio::awaitable<void> ask(boost::json::object request, Item item);

private:
    [[nodiscard]] boost::asio::awaitable<void> write(std::string line);
    [[nodiscard]] boost::asio::awaitable<std::string> read_line();
    void close_after_patience();

    std::filesystem::path path_;
    std::chrono::milliseconds patience_;
    /// Shared with the deadline, which closes it and may come when we are gone.
    std::shared_ptr<boost::asio::local::stream_protocol::socket> socket_;
    boost::asio::steady_timer deadline_;
    std::string input_;
};

} // namespace nat64::cli
