// SPDX-License-Identifier: Apache-2.0
#include "cli/control_link.hpp"

#include "cli/control_client.hpp"
#include "service/control_request.hpp"

#include <cerrno>
#include <cstddef>
#include <utility>

#include <boost/asio/buffer.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/json.hpp>
#include <fmt/format.h>

#include <sys/un.h>

namespace nat64::cli {

namespace asio = boost::asio;
namespace json = boost::json;

namespace {

/// No line of a reply that we ask for is longer.
constexpr std::size_t kLongestLine = 1024 * 1024;

std::string text_of(const json::value& value) {
    return value.is_string() ? std::string{value.get_string().c_str()} : json::serialize(value);
}

} // namespace

ControlLink::ControlLink(asio::any_io_executor executor,
                         std::filesystem::path socket,
                         std::chrono::milliseconds patience)
    : path_{std::move(socket)},
      patience_{patience},
      socket_{std::make_shared<asio::local::stream_protocol::socket>(executor)},
      deadline_{executor} {}

asio::awaitable<void> ControlLink::connect() {
    if (path_.native().size() >= sizeof(sockaddr_un::sun_path))
        throw connect_failure(ENAMETOOLONG, path_);
    close_after_patience();
    boost::system::error_code error;
    auto token = asio::redirect_error(asio::use_awaitable, error);
    const asio::local::stream_protocol::endpoint endpoint{path_.native()};
    co_await socket_->async_connect(endpoint, token);
    deadline_.cancel();
    if (error) throw connect_failure(error.value(), path_);
}

asio::awaitable<void> ControlLink::ask(json::object request, Item item) {
    request["v"] = service::kControlVersion;
    request["id"] = 1;
    co_await write(json::serialize(request) + "\n");
    while (true) {
        const std::string line = co_await read_line();
        const json::value value = json::parse(line);
        const json::object& reply = value.as_object();
        if (const json::value* row = reply.if_contains("item")) {
            item(row->as_object());
            continue;
        }
        const json::value* error = reply.if_contains("error");
        if (error != nullptr) throw ControlRefusal{text_of(error->at("message"))};
        co_return;
    }
}

asio::awaitable<void> ControlLink::write(std::string line) {
    close_after_patience();
    boost::system::error_code error;
    auto token = asio::redirect_error(asio::use_awaitable, error);
    const auto buffer = asio::buffer(line);
    co_await asio::async_write(*socket_, buffer, token);
    deadline_.cancel();
    // One that has hung up may have said why: that is left for read_line().
}

asio::awaitable<std::string> ControlLink::read_line() {
    close_after_patience();
    boost::system::error_code error;
    auto token = asio::redirect_error(asio::use_awaitable, error);
    auto buffer = asio::dynamic_buffer(input_, kLongestLine);
    const std::size_t length = co_await asio::async_read_until(*socket_, buffer, '\n', token);
    deadline_.cancel();
    if (!socket_->is_open())
        throw ControlFailure{fmt::format("the daemon on {} does not answer", path_.native())};
    if (error) throw ControlFailure{"the daemon hung up"};
    std::string line = input_.substr(0, length);
    input_.erase(0, length);
    co_return line;
}

void ControlLink::close_after_patience() {
    deadline_.expires_after(patience_);
    deadline_.async_wait([weak = std::weak_ptr{socket_}](boost::system::error_code cancelled) {
        const auto socket = weak.lock();
        if (cancelled || !socket) return;
        boost::system::error_code ignored;
        socket->close(ignored);
    });
}

} // namespace nat64::cli
