// SPDX-License-Identifier: Apache-2.0
// Reading, answering and writing. Errors of the socket end the connection by an exception that
// serve() catches; errors of a request become its last reply line.
#include "service/control_connection.hpp"

#include "core/napt_backend.hpp"
#include "service/control_commands.hpp"
#include "service/daemon_changes.hpp"

#include <cstddef>
#include <exception>
#include <utility>

#include <boost/asio/buffer.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/system_error.hpp>
#include <fmt/format.h>
#include <spdlog/spdlog.h>

namespace nat64::service {

namespace asio = boost::asio;

ControlConnection::ControlConnection(asio::local::stream_protocol::socket socket,
                                     const DaemonView& view,
                                     PacketThread& packet_thread,
                                     const ControlLimits& limits,
                                     Access access)
    : socket_{std::move(socket)},
      deadline_{socket_.get_executor()},
      view_{view},
      packet_thread_{packet_thread},
      limits_{limits},
      access_{access} {}

asio::awaitable<void> ControlConnection::serve() {
    try {
        while (!at_end_ && socket_.is_open()) {
            std::optional<std::string> line = co_await read_line();
            if (!line) break;
            co_await answer(std::move(*line));
        }
    } catch (const boost::system::system_error& gone) {
        spdlog::debug("control: a client went away: {}", gone.what());
    }
    close();
}

void ControlConnection::close() noexcept {
    boost::system::error_code ignored;
    socket_.close(ignored);
    deadline_.cancel();
}

/// The next line without its end; nullopt when there is no more, or none that can be taken.
asio::awaitable<std::optional<std::string>> ControlConnection::read_line() {
    close_after(limits_.idle);
    boost::system::error_code error;
    auto buffer = asio::dynamic_buffer(input_, limits_.request_bytes);
    auto token = asio::redirect_error(asio::use_awaitable, error);
    std::size_t length = co_await asio::async_read_until(socket_, buffer, '\n', token);
    no_deadline(); // a command takes as long as it takes
    if (error == asio::error::not_found) {
        const std::string refusal =
            error_line("null",
                       {"too_large",
                        fmt::format("a request has at most {} bytes", limits_.request_bytes)});
        co_await write(refusal);
        co_return std::nullopt;
    }
    if (error == asio::error::eof) {
        // Half-closed: the last line needs no end.
        at_end_ = true;
        length = input_.size();
    } else if (error) {
        throw boost::system::system_error{error};
    }
    std::string line = input_.substr(0, length);
    input_.erase(0, length);
    co_return line;
}

asio::awaitable<void> ControlConnection::answer(std::string line) {
    if (line.find_first_not_of(" \t\r\n") == std::string::npos) co_return;
    const auto request = parse_request(line);
    if (!request) {
        const std::string refusal = error_line(request.error().id, request.error().error);
        co_await write(refusal);
        co_return;
    }
    Reply reply{request->id, *this};
    const std::optional<ControlError> error = co_await run(*request, reply);
    if (error) co_await reply.failed(*error);
}

/// Runs the command of a request to its last line, or gives the error that shall be the last
/// line.
asio::awaitable<std::optional<ControlError>> ControlConnection::run(const Request& request,
                                                                    Reply& reply) {
    const auto command = find_command(request);
    if (!command) co_return command.error();
    if ((*command)->access == Access::Change && access_ != Access::Change)
        co_return ControlError{
            "permission_denied",
            fmt::format("{} is for root and the user that the daemon runs as", request.verb)};
    try {
        const CommandContext context{view_, packet_thread_, request, reply};
        const std::optional<Cursor> next = co_await (*command)->run(context);
        std::optional<std::string> cursor;
        if (next) cursor = cursor_text(request.what, *next);
        co_await reply.done(std::move(cursor));
        co_return std::nullopt;
    } catch (const boost::system::system_error&) {
        throw; // the client is gone
    } catch (const CommandRefused& refused) {
        co_return refused.error;
    } catch (const CommandFailure& failure) {
        co_return ControlError{failure.code(), failure.what()};
    } catch (const std::exception& problem) {
        spdlog::error("control: {} {}: {}", request.verb, request.what, problem.what());
        co_return ControlError{"internal", problem.what()};
    }
}

/// At the client's pace; a client that takes nothing for limits.stall is dropped.
asio::awaitable<void> ControlConnection::write(std::string_view bytes) {
    while (!bytes.empty()) {
        close_after(limits_.stall);
        const auto buffer = asio::buffer(bytes.data(), bytes.size());
        const std::size_t taken =
            co_await socket_.async_write_some(buffer, asio::use_awaitable);
        bytes.remove_prefix(taken);
    }
    no_deadline();
}

/// A deadline whose call is on its way already finds that it is none any more.
void ControlConnection::no_deadline() {
    deadline_.expires_at(asio::steady_timer::time_point::max());
}

/// From now on; each call replaces the one before.
void ControlConnection::close_after(std::chrono::milliseconds time) {
    deadline_.expires_after(time);
    deadline_.async_wait([weak = weak_from_this()](boost::system::error_code cancelled) {
        const auto self = weak.lock();
        if (!self || cancelled) return;
        // A new deadline may have been set while this call was on its way.
        if (self->deadline_.expiry() <= asio::steady_timer::clock_type::now()) self->close();
    });
}

} // namespace nat64::service
