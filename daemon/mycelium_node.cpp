// SPDX-License-Identifier: Apache-2.0
#include "daemon/mycelium_node.hpp"

#include "config/config_error.hpp"
#include "config/scalars.hpp"
#include "platform/os_error.hpp"
#include "service/in_quotes.hpp"
#include "service/write_within.hpp"

#include <cerrno>
#include <chrono>
#include <cstddef>
#include <exception>
#include <optional>
#include <sstream>
#include <stdexcept>
#include <thread>
#include <utility>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>
#include <boost/json.hpp>
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <sys/socket.h>
#include <unistd.h>

namespace nat64::daemon {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
namespace json = boost::json;
using asio::ip::tcp;
using Subnet = std::expected<Prefix6, std::string>;

namespace {

constexpr auto kPath = "/api/v1/admin";
constexpr std::chrono::seconds kPatience{3};
constexpr std::size_t kLongestAnswer = 16 * 1024;
constexpr Prefix6 kOverlay{Ipv6Addr::from_halves(0x0400'0000'0000'0000, 0), 7};

/// `api` has been read by the configuration.
tcp::endpoint endpoint_of(const std::string& api) {
    if (const auto api4 = config::parse_endpoint4(api))
        return {asio::ip::address_v4{api4->address.bits()}, api4->port.value()};
    // NOLINTNEXTLINE(bugprone-unchecked-optional-access): one of the two fits
    const auto api6 = config::parse_endpoint6(api).value();
    return {asio::ip::make_address_v6(api6.address.to_string()), api6.port.value()};
}

asio::awaitable<std::string> get(std::string api, ConnectToNode connect) {
    beast::tcp_stream stream{co_await asio::this_coro::executor};
    stream.socket().assign(endpoint_of(api).protocol(), connect().release());
    http::request<http::empty_body> request{http::verb::get, kPath, 11};
    request.set(http::field::host, api);
    request.set(http::field::accept, "application/json");
    request.set(http::field::connection, "close");
    std::ostringstream text;
    text << request;
    co_await service::write_within(kPatience, stream.socket(), std::move(text).str());
    stream.expires_after(kPatience);
    beast::flat_buffer buffer{kLongestAnswer};
    http::response_parser<http::string_body> answer;
    answer.body_limit(kLongestAnswer);
    co_await http::async_read(stream, buffer, answer, asio::use_awaitable);
    if (answer.get().result() != http::status::ok)
        throw std::runtime_error{
            fmt::format("it answers with HTTP status {}", answer.get().result_int())};
    co_return std::move(answer.get().body());
}

std::string url(const std::string& api) {
    return fmt::format("http://{}{}", api, kPath);
}

Subnet ask_now(const std::string& api) {
    asio::io_context context{1};
    Subnet answer = std::unexpected{std::string{"nothing was heard"}};
    const auto keep = [&](const std::exception_ptr& failure, Subnet got) {
        if (failure) std::rethrow_exception(failure);
        answer = std::move(got);
    };
    asio::co_spawn(context, ask_node(api, [&] { return connect_to_node(api); }), keep);
    context.run();
    return answer;
}

/// Again and again until the node answers.
Subnet ask_patiently(const std::string& api, std::chrono::seconds patience) {
    const auto end = std::chrono::steady_clock::now() + patience;
    bool told = false;
    for (;;) {
        auto answer = ask_now(api);
        if (answer || std::chrono::steady_clock::now() >= end) return answer;
        if (!std::exchange(told, true))
            spdlog::info("profile mycelium: waiting for {}: {}", url(api), answer.error());
        std::this_thread::sleep_for(std::chrono::milliseconds{500});
    }
}

bool lies_in(const config::Config& config, const Prefix6& subnet) {
    const auto& prefix = config.translator.prefix.prefix();
    return prefix.length() >= subnet.length() && subnet.contains(prefix.address());
}

} // namespace

Subnet parse_node_subnet(std::string_view answer) {
    boost::system::error_code error;
    const auto value = json::parse(answer, error);
    const auto* const object = error ? nullptr : value.if_object();
    const auto* const member = object == nullptr ? nullptr : object->if_contains("nodeSubnet");
    if (member == nullptr || !member->is_string())
        return std::unexpected{"its answer has no nodeSubnet: is that a Mycelium node?"};
    const std::string text{member->get_string()};
    const auto slash = text.find('/');
    const auto address = Ipv6Addr::parse(text.substr(0, slash));
    const bool is_64 = slash != std::string::npos && text.substr(slash) == "/64";
    if (!address || !is_64 || !kOverlay.contains(*address))
        return std::unexpected{fmt::format(
            "its subnet {} is no /64 of {}", service::in_quotes(text), kOverlay.to_string())};
    return Prefix6{*address, 64};
}

platform::UniqueFd connect_to_node(const std::string& api) {
    const auto endpoint = endpoint_of(api);
    platform::UniqueFd socket{
        platform::adopt,
        ::socket(endpoint.data()->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
    if (!socket ||
        (::connect(socket.get(), endpoint.data(), static_cast<socklen_t>(endpoint.size())) !=
             0 &&
         errno != EINPROGRESS))
        platform::throw_errno("connect to " + api);
    return socket;
}

asio::awaitable<Subnet> ask_node(std::string api, ConnectToNode connect) {
    try {
        const auto answer = co_await get(api, std::move(connect));
        co_return parse_node_subnet(answer);
    } catch (const boost::system::system_error& error) {
        co_return std::unexpected{error.code().message()};
    } catch (const std::runtime_error& error) {
        co_return std::unexpected{std::string{error.what()}};
    }
}

void use_subnet(config::Config& config, const Prefix6& subnet) {
    // NOLINTNEXTLINE(bugprone-unchecked-optional-access): the reader has tried it with a /64
    const auto joined = config::join_prefix(subnet, config.mycelium.suffix).value();
    // NOLINTNEXTLINE(bugprone-unchecked-optional-access): and that, too
    config.translator.prefix = rfc6052::Nat64Prefix::from(joined).value();
    config.napt.prefix = config.translator.prefix;
    config.mycelium.derives_prefix = false;
}

void complete_prefix(config::Config& config, std::chrono::seconds patience) {
    if (config.profile != config::Profile::Mycelium) return;
    const auto& api = config.mycelium.api;
    const bool needed = config.mycelium.derives_prefix;
    const auto subnet = needed ? ask_patiently(api, patience) : ask_now(api);
    if (needed) {
        if (!subnet)
            throw std::runtime_error{fmt::format(
                "profile mycelium: asked {} for the subnet of this machine's node: {}; start "
                "Mycelium, name its API with `mycelium: {{api: ADDRESS:PORT}}`, or give the "
                "subnet yourself: `prefix: {{within: SUBNET, suffix: {}}}`",
                url(api),
                subnet.error(),
                config.mycelium.suffix)};
        use_subnet(config, *subnet);
        spdlog::info("profile mycelium: prefix {} lies in the node's subnet {}, as {} says",
                     config.translator.prefix.to_string(),
                     subnet->to_string(),
                     url(api));
    } else if (!subnet) {
        spdlog::warn("profile mycelium: nobody tells whether {} lies in the node's subnet: {}: "
                     "{}",
                     config.translator.prefix.to_string(),
                     url(api),
                     subnet.error());
    } else if (!lies_in(config, *subnet)) {
        throw config::ConfigError{
            {{config.file,
              {},
              "prefix",
              fmt::format("{} does not lie in {}, the subnet of this machine's Mycelium node",
                          config.translator.prefix.to_string(),
                          subnet->to_string()),
              "no peer would reach it: remove the key, and nat64 makes a prefix that fits"}}};
    }
}

asio::awaitable<void> watch_node(const config::Config& config, ConnectToNode connect) {
    asio::steady_timer timer{co_await asio::this_coro::executor};
    bool answers = true;
    for (;;) {
        timer.expires_after(
            std::chrono::duration_cast<std::chrono::milliseconds>(config.mycelium.poll));
        co_await timer.async_wait(asio::use_awaitable);
        const auto subnet = co_await ask_node(config.mycelium.api, connect);
        if (!subnet && std::exchange(answers, false))
            spdlog::warn("{} does not tell the node's subnet any more: {}",
                         url(config.mycelium.api),
                         subnet.error());
        if (!subnet) continue;
        if (!std::exchange(answers, true))
            spdlog::info("{} tells the node's subnet again", url(config.mycelium.api));
        if (!lies_in(config, *subnet))
            throw std::runtime_error{fmt::format(
                "the Mycelium node has another key: its subnet is {} now, and {} lies outside "
                "it, so no peer reaches it; ending, to be started anew",
                subnet->to_string(),
                config.translator.prefix.to_string())};
    }
}

} // namespace nat64::daemon
