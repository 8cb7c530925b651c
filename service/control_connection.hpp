// SPDX-License-Identifier: Apache-2.0
// One client of the control socket: lines in, reply lines out, one request after the other.
// Whatever the client does (garbage, silence, half a line, not reading, going away) ends in an
// error line or the end of this connection and touches no other. Single-threaded.
#pragma once

#include "service/control_commands.hpp"
#include "service/control_reply.hpp"
#include "service/control_server.hpp"
#include "service/packet_thread.hpp"

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/steady_timer.hpp>

namespace nat64::service {

class ControlConnection final : public ReplyWriter,
                                public std::enable_shared_from_this<ControlConnection> {
public:
    ControlConnection(boost::asio::local::stream_protocol::socket socket,
                      const DaemonView& view,
                      PacketThread& packet_thread,
                      const ControlLimits& limits,
                      Access access);

    /// Serves until the client or close() ends it. Throws nothing but what has no other place
    /// to go, such as lack of memory. The caller keeps this object alive.
    boost::asio::awaitable<void> serve();

    /// Ends the connection from our side; serve() returns soon.
    void close() noexcept;

    boost::asio::awaitable<void> write(std::string_view bytes) override;

private:
    boost::asio::awaitable<std::optional<std::string>> read_line();
    boost::asio::awaitable<void> answer(std::string line);
    boost::asio::awaitable<std::optional<ControlError>> run(const Request& request,
                                                            Reply& reply);
    void close_after(std::chrono::milliseconds time);
    void no_deadline();

    boost::asio::local::stream_protocol::socket socket_;
    boost::asio::steady_timer deadline_;
    const DaemonView& view_;
    PacketThread& packet_thread_;
    const ControlLimits& limits_;
    Access access_; ///< of who is at the other end
    std::string input_;
    bool at_end_ = false;
};

} // namespace nat64::service
