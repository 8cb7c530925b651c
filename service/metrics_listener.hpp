// SPDX-License-Identifier: Apache-2.0
// Where metrics.listen says: an IPv4 or IPv6 address or a Unix socket, bound and listening once
// constructed, so that a place that is taken is an error before anything else is touched. Like
// the TCP ports, the Unix socket is open to every user of the machine: what is served has no
// secrets. Single-threaded.
#pragma once

#include "config/config.hpp"
#include "platform/unique_fd.hpp"
#include "service/socket_file.hpp"

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>

namespace nat64::service {

/// Of the configuration, for messages.
inline constexpr auto kMetricsSocketKey = "metrics.listen";

class MetricsListener {
public:
    /// Throws std::system_error or std::runtime_error saying what was tried where.
    MetricsListener(boost::asio::io_context& control, const config::ListenAddress& address);

    /// With a Unix socket that listens already, whose file is kept by somebody else.
    MetricsListener(boost::asio::io_context& control,
                    const std::filesystem::path& path,
                    platform::UniqueFd listening);

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
    boost::asio::local::stream_protocol::acceptor unix_; ///< one of both is open
    std::optional<SocketFile> file_;
};

/// The Unix socket of metrics.listen, listening, for every user. Throws as
/// SocketFile::appear().
[[nodiscard]] platform::UniqueFd open_to_everybody(SocketFile& file);

} // namespace nat64::service
