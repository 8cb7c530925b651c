// SPDX-License-Identifier: Apache-2.0
// The accept loop, the list of connections, and an eye on the socket's file.
#include "service/control_server.hpp"

#include "service/control_access.hpp"
#include "service/control_connection.hpp"
#include "service/control_request.hpp"
#include "service/rate_limited.hpp"

#include <chrono>
#include <exception>
#include <list>
#include <string>
#include <tuple>
#include <utility>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <fcntl.h>
#include <sys/socket.h>

namespace nat64::service {

namespace asio = boost::asio;
using Socket = asio::local::stream_protocol::socket;

/// Shared by the server and its coroutines, so that those may end after it.
struct ControlServer::Shared : std::enable_shared_from_this<Shared> {
    Shared(std::unique_ptr<ControlSocket> owned, DaemonView seen, ControlLimits bounds)
        : socket{std::move(owned)},
          view{std::move(seen)},
          limits{bounds},
          packet_thread{socket->acceptor().get_executor(), view.packet_thread},
          next_look{socket->acceptor().get_executor()} {}

    asio::awaitable<void> accept_loop(std::shared_ptr<Shared> self);
    asio::awaitable<void> keep_file(std::shared_ptr<Shared> self);
    [[nodiscard]] bool put_file_back();
    asio::awaitable<void> serve(std::shared_ptr<Shared> self,
                                std::shared_ptr<ControlConnection> connection);
    void take(Socket client);
    void report(const char* step, std::string_view problem);
    [[nodiscard]] std::optional<ControlError> refuse(int client);

    std::unique_ptr<ControlSocket> socket;
    DaemonView view;
    ControlLimits limits;
    PacketThread packet_thread;
    std::list<std::shared_ptr<ControlConnection>> connections;
    RateLimited refused;
    RateLimited failed;
    RateLimited lost{std::chrono::minutes{10}};
    asio::steady_timer next_look;
    bool stopped = false;
};

asio::awaitable<void> ControlServer::Shared::accept_loop(std::shared_ptr<Shared> self) {
    asio::steady_timer pause{socket->acceptor().get_executor()};
    while (!stopped) {
        boost::system::error_code error;
        auto token = asio::redirect_error(asio::use_awaitable, error);
        Socket client = co_await socket->acceptor().async_accept(token);
        if (stopped) co_return;
        if (!error) {
            try {
                take(std::move(client));
            } catch (const std::exception& problem) {
                report("take a client", problem.what());
            }
            continue;
        }
        if (error == asio::error::operation_aborted) continue; // renewed meanwhile
        // Out of descriptors, most likely: waiting is better than trying in a loop.
        report("accept", error.message());
        pause.expires_after(std::chrono::milliseconds{200});
        co_await pause.async_wait(token);
    }
    self.reset();
}

/// Somebody who tidies up removes the file, and nobody can ask the daemon any more.
asio::awaitable<void> ControlServer::Shared::keep_file(std::shared_ptr<Shared> self) {
    bool there = true;
    while (!stopped) {
        boost::system::error_code error;
        auto token = asio::redirect_error(asio::use_awaitable, error);
        next_look.expires_after(there ? limits.look : limits.look / 10);
        co_await next_look.async_wait(token);
        if (!stopped) there = put_file_back();
    }
    self.reset();
}

/// False if it is not there after all.
bool ControlServer::Shared::put_file_back() {
    try {
        if (socket->renew_if_lost())
            spdlog::warn("control: {} had been removed; it is back", socket->path().native());
        return true;
    } catch (const std::exception& problem) {
        lost.log(view.now(),
                 spdlog::level::err,
                 "control: {} was removed and cannot be made again: {}",
                 socket->path().native(),
                 problem.what());
        return false;
    }
}

/// Why this client is not served.
std::optional<ControlError> ControlServer::Shared::refuse(int client) {
    const auto places = limits.connections + (may_change(client) ? limits.reserve : 0);
    if (connections.size() >= places)
        return ControlError{
            "too_many_connections",
            fmt::format("{} clients are connected already", connections.size())};
    if (may_read(client, socket->group())) return std::nullopt;
    const Peer peer = peer_of(client);
    refused.log(view.now(),
                spdlog::level::warn,
                "control: refused process {} of user {}: neither root nor in control.group",
                peer.pid,
                peer.uid);
    return ControlError{"permission_denied",
                        "only root and members of control.group may ask this daemon"};
}

void ControlServer::Shared::report(const char* step, std::string_view problem) {
    failed.log(view.now(), spdlog::level::warn, "control: {}: {}", step, problem);
}

void ControlServer::Shared::take(Socket client) {
    ::fcntl(client.native_handle(), F_SETFD, FD_CLOEXEC);
    if (const auto error = refuse(client.native_handle())) {
        const std::string line = error_line("null", *error);
        // A fresh socket has room for it; a client that is gone already does not matter.
        std::ignore = ::send(
            client.native_handle(), line.data(), line.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
        return;
    }
    const auto access = may_change(client.native_handle()) ? Access::Change : Access::Read;
    auto connection = std::make_shared<ControlConnection>(
        std::move(client), view, packet_thread, limits, access);
    asio::co_spawn(socket->acceptor().get_executor(),
                   serve(shared_from_this(), std::move(connection)),
                   asio::detached);
}

/// Keeps the connection, and this, alive; the one catch of its coroutine.
asio::awaitable<void>
ControlServer::Shared::serve(std::shared_ptr<Shared> self,
                             std::shared_ptr<ControlConnection> connection) {
    const auto place = connections.insert(connections.end(), connection);
    try {
        co_await connection->serve();
    } catch (const std::exception& problem) {
        report("serve", problem.what());
        connection->close();
    }
    connections.erase(place);
    self.reset();
}

ControlServer::ControlServer(std::unique_ptr<ControlSocket> socket,
                             DaemonView view,
                             ControlLimits limits)
    : shared_{std::make_shared<Shared>(std::move(socket), std::move(view), limits)} {}

ControlServer::~ControlServer() {
    stop();
}

void ControlServer::start() {
    asio::co_spawn(shared_->socket->acceptor().get_executor(),
                   shared_->accept_loop(shared_),
                   asio::detached);
    asio::co_spawn(shared_->socket->acceptor().get_executor(),
                   shared_->keep_file(shared_),
                   asio::detached);
}

void ControlServer::stop() noexcept {
    shared_->stopped = true;
    shared_->next_look.cancel();
    shared_->socket->close();
    for (const auto& connection : shared_->connections)
        connection->close();
}

} // namespace nat64::service
