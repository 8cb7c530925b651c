// SPDX-License-Identifier: Apache-2.0
// Where metrics.listen says: an IPv4 or IPv6 address or a Unix socket, bound and listening once
// constructed, so that a place that is taken is an error before anything else is touched. Like
// the TCP ports, the Unix socket is open to every user of the machine: what is served has no
// secrets. Single-threaded.
#pragma once

#include "config/config.hpp"
#include "service/unix_listener.hpp"

#include <memory>
#include <string>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>

namespace nat64::service {

class MetricsListener {
public:
    /// Throws std::system_error or std::runtime_error saying what was tried where.
    MetricsListener(boost::asio::io_context& control, const config::ListenAddress& address);

    /// The next client. Throws boost::system::system_error.
    boost::asio::awaitable<boost::asio::generic::stream_protocol::socket> accept();

    [[nodiscard]] boost::asio::any_io_executor executor() { return tcp_.get_executor(); }

    /// Where it listens, as a person would type it.
    [[nodiscard]] const std::string& where() const noexcept { return where_; }

    /// The port, if there is one.
    [[nodiscard]] std::uint16_t port() const;

    /// Stops listening. Idempotent.
    void close() noexcept;

private:
    std::string where_;
    boost::asio::ip::tcp::acceptor tcp_;
    std::unique_ptr<UnixListener> unix_; ///< then tcp_ is not open
};

} // namespace nat64::service
