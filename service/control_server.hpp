// SPDX-License-Identifier: Apache-2.0
// The control protocol on the control thread: accepts, checks who is there, reads one request
// at a time per connection, runs its command and writes the reply at the client's pace. Every
// client is bounded in what it can take: bytes of a request, time without one, time without
// reading a reply, and all of them in their number. What the requests mean is
// control_commands.hpp. Single-threaded: constructed, started and destroyed on the control
// thread or while it does not run.
#pragma once

#include "service/control_socket.hpp"
#include "service/daemon_view.hpp"

#include <chrono>
#include <cstddef>
#include <memory>

#include <boost/asio/io_context.hpp>

namespace nat64::service {

struct ControlLimits {
    std::size_t connections = 64;
    /// Beyond these, for those who may change the daemon: others cannot lock them out.
    std::size_t reserve = 8;
    std::size_t request_bytes = 64 * 1024;
    /// How long a connection may take to send its next request.
    std::chrono::milliseconds idle = std::chrono::minutes{1};
    /// How long a client may read nothing of its reply: somebody looks at it in a pager.
    std::chrono::milliseconds stall = std::chrono::minutes{10};
    /// How often to see whether the socket's file is still there; ten times as often if it is
    /// not and cannot be made, for want of descriptors, say.
    std::chrono::milliseconds look = std::chrono::seconds{10};
};

class ControlServer {
public:
    /// The backend and whatever else `view` refers to must be there until neither thread runs.
    ControlServer(std::unique_ptr<ControlSocket> socket,
                  DaemonView view,
                  ControlLimits limits = {});
    /// Stops.
    ~ControlServer();
    ControlServer(const ControlServer&) = delete;
    ControlServer& operator=(const ControlServer&) = delete;

    /// Begins to accept.
    void start();

    /// Closes the socket and ends all connections. Idempotent.
    void stop() noexcept;

private:
    struct Shared;
    std::shared_ptr<Shared> shared_;
};

} // namespace nat64::service
