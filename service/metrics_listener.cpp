// SPDX-License-Identifier: Apache-2.0
// Both kinds of socket become the generic one, so that the server knows only that.
#include "service/metrics_listener.hpp"

#include "core/net/transport.hpp"

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <utility>
#include <variant>

#include <boost/asio/use_awaitable.hpp>
#include <fmt/format.h>

#include <netinet/in.h>
#include <sys/socket.h>

namespace nat64::service {

namespace asio = boost::asio;
using asio::ip::tcp;

namespace {

tcp::endpoint endpoint_of(const Endpoint4& endpoint) {
    return {asio::ip::address_v4{endpoint.address.bits()}, endpoint.port.value()};
}

tcp::endpoint endpoint_of(const Endpoint6& endpoint) {
    asio::ip::address_v6::bytes_type bytes{};
    std::ranges::copy(endpoint.address.bytes(), bytes.begin());
    return {asio::ip::address_v6{bytes}, endpoint.port.value()};
}

void listen(tcp::acceptor& acceptor, const tcp::endpoint& endpoint) {
    acceptor.open(endpoint.protocol());
    acceptor.set_option(tcp::acceptor::reuse_address{true});
    // At boot the interface may not have its address yet.
    const int yes = 1;
    if (endpoint.address().is_v4())
        ::setsockopt(acceptor.native_handle(), IPPROTO_IP, IP_FREEBIND, &yes, sizeof yes);
    else
        ::setsockopt(acceptor.native_handle(), IPPROTO_IPV6, IPV6_FREEBIND, &yes, sizeof yes);
    acceptor.bind(endpoint);
    acceptor.listen();
}

} // namespace

MetricsListener::MetricsListener(asio::io_context& control,
                                 const config::ListenAddress& address)
    : where_{config::to_string(address)}, tcp_{control}, unix_{control} {
    if (const auto* path = std::get_if<std::filesystem::path>(&address)) {
        file_.emplace(kMetricsSocketKey, *path);
        unix_.assign(asio::local::stream_protocol{}, open_to_everybody(*file_).release());
        return;
    }
    try {
        if (const auto* endpoint4 = std::get_if<Endpoint4>(&address))
            listen(tcp_, endpoint_of(*endpoint4));
        else
            listen(tcp_, endpoint_of(std::get<Endpoint6>(address)));
    } catch (const boost::system::system_error& error) {
        const bool taken = error.code() == asio::error::address_in_use;
        throw std::system_error{error.code(),
                                fmt::format("metrics.listen: listen on {}{}",
                                            where_,
                                            taken ? " (who has it: ss -ltnp)" : "")};
    }
}

MetricsListener::MetricsListener(asio::io_context& control,
                                 const std::filesystem::path& path,
                                 platform::UniqueFd listening)
    : where_{config::to_string(config::ListenAddress{path})},
      tcp_{control},
      unix_{control, asio::local::stream_protocol{}, listening.release()} {}

asio::awaitable<asio::generic::stream_protocol::socket> MetricsListener::accept() {
    if (unix_.is_open()) {
        auto client = co_await unix_.async_accept(asio::use_awaitable);
        co_return asio::generic::stream_protocol::socket{std::move(client)};
    }
    auto client = co_await tcp_.async_accept(asio::use_awaitable);
    co_return asio::generic::stream_protocol::socket{std::move(client)};
}

std::uint16_t MetricsListener::port() const {
    return unix_.is_open() ? std::uint16_t{0} : tcp_.local_endpoint().port();
}

void MetricsListener::close() noexcept {
    boost::system::error_code ignored;
    tcp_.close(ignored);
    unix_.close(ignored);
    if (file_) file_->remove();
}

platform::UniqueFd open_to_everybody(SocketFile& file) {
    auto socket = file.appear();
    file.set_mode(0666);
    return socket;
}

} // namespace nat64::service
