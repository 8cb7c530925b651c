// SPDX-License-Identifier: Apache-2.0
// A coroutine for each connection: read a request's head, answer it, close.
#include "service/metrics_server.hpp"

#include "core/napt_backend.hpp"
#include "service/control_commands.hpp"
#include "service/metrics.hpp"
#include "service/packet_thread.hpp"
#include "service/rate_limited.hpp"
#include "service/write_within.hpp"

#include <array>
#include <exception>
#include <list>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/basic_stream.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>
#include <fmt/format.h>
#include <spdlog/spdlog.h>

namespace nat64::service {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;

namespace {

using Protocol = asio::generic::stream_protocol;
using Stream = beast::basic_stream<Protocol, asio::any_io_executor>;
using HttpRequest = http::request<http::empty_body>;
using Response = http::response<http::string_body>;

constexpr auto kTextType = "text/plain; charset=utf-8";
constexpr auto kMetricsType = "text/plain; version=0.0.4; charset=utf-8";

/// What came is no HTTP; not: it is none yet, or no more.
bool is_malformed(const boost::system::error_code& error) {
    return error.category() == http::make_error_code(http::error::bad_method).category() &&
           error != http::error::end_of_stream && error != http::error::partial_message;
}

Response respond(http::status status, std::string_view type, std::string body) {
    Response response{status, 11};
    response.set(http::field::server, "nat64/" NAT64_VERSION);
    response.set(http::field::content_type, beast::string_view{type.data(), type.size()});
    response.body() = std::move(body);
    return response;
}

Response refuse(http::status status, std::string_view hint = "") {
    const beast::string_view words = http::obsolete_reason(status);
    const std::string_view reason{words.data(), words.size()};
    return respond(status, kTextType, fmt::format("{}{}\n", reason, hint));
}

Response refuse_method() {
    Response response = refuse(http::status::method_not_allowed);
    response.set(http::field::allow, "GET, HEAD");
    return response;
}

/// "/metrics?debug=1" asks for /metrics.
std::string_view path_of(const HttpRequest& request) {
    const std::string_view target{request.target().data(), request.target().size()};
    return target.substr(0, target.find('?'));
}

} // namespace

struct MetricsServer::Shared : std::enable_shared_from_this<Shared> {
    struct Connection {
        explicit Connection(Protocol::socket socket) : stream{std::move(socket)} {}

        Stream stream;
        bool may_be_closed = true; ///< for one that comes later
    };

    Shared(std::unique_ptr<MetricsListener> owned, DaemonView seen, MetricsLimits bounds)
        : listener{std::move(owned)},
          view{std::move(seen)},
          limits{bounds},
          packet_thread{listener->executor(), view.packet_thread} {}

    static asio::awaitable<void> accept_loop(std::shared_ptr<Shared> self);
    static asio::awaitable<void> serve(std::shared_ptr<Shared> self, Protocol::socket socket);
    asio::awaitable<void> converse(Connection& connection);
    asio::awaitable<Response> answer(const HttpRequest& request);
    asio::awaitable<std::string> scrape();
    static asio::awaitable<void> hang_up(Stream& stream);
    [[nodiscard]] bool make_room() noexcept;

    std::unique_ptr<MetricsListener> listener;
    DaemonView view;
    MetricsLimits limits;
    PacketThread packet_thread;
    ProcessFiles process;
    std::list<Connection> connections;
    RateLimited failed;
    bool stopped = false;
};

asio::awaitable<void> MetricsServer::Shared::accept_loop(std::shared_ptr<Shared> self) {
    asio::steady_timer pause{self->listener->executor()};
    while (!self->stopped) {
        std::string problem;
        try {
            auto client = co_await self->listener->accept();
            // One that finds no room is closed here.
            if (!self->stopped && self->make_room())
                asio::co_spawn(
                    self->listener->executor(), serve(self, std::move(client)), asio::detached);
            continue;
        } catch (const std::exception& error) {
            problem = error.what();
        }
        if (self->stopped) co_return;
        // Out of descriptors, most likely: waiting is better than trying in a loop.
        self->failed.log(self->view.now(), spdlog::level::warn, "metrics: accept: {}", problem);
        pause.expires_after(std::chrono::milliseconds{200});
        boost::system::error_code ignored;
        auto token = asio::redirect_error(asio::use_awaitable, ignored);
        co_await pause.async_wait(token);
    }
}

/// Room for one more, at the cost of who has been connected longest without asking, or after
/// the answer.
bool MetricsServer::Shared::make_room() noexcept {
    if (connections.size() < limits.connections) return true;
    for (Connection& connection : connections) {
        if (!std::exchange(connection.may_be_closed, false)) continue;
        connection.stream.close();
        return true;
    }
    return false;
}

asio::awaitable<void> MetricsServer::Shared::serve(std::shared_ptr<Shared> self,
                                                   Protocol::socket socket) {
    const auto place = self->connections.emplace(self->connections.end(), std::move(socket));
    try {
        co_await self->converse(*place);
    } catch (const std::exception& problem) {
        spdlog::debug("metrics: a client went away: {}", problem.what());
    }
    self->connections.erase(place);
}

asio::awaitable<void> MetricsServer::Shared::converse(Connection& connection) {
    Stream& stream = connection.stream;
    beast::flat_buffer buffer{limits.request_bytes};
    http::request_parser<http::empty_body> parser;
    parser.header_limit(static_cast<std::uint32_t>(limits.request_bytes));
    stream.expires_after(limits.patience);
    boost::system::error_code error;
    auto token = asio::redirect_error(asio::use_awaitable, error);
    co_await http::async_read_header(stream, buffer, parser, token);
    Response response;
    if (error == http::error::header_limit || error == http::error::buffer_overflow)
        response = refuse(http::status::request_header_fields_too_large);
    else if (is_malformed(error))
        response = refuse(http::status::bad_request);
    else if (error)
        co_return; // gone, or too slow
    else {
        connection.may_be_closed = false;
        response = co_await answer(parser.get());
    }
    response.keep_alive(false);
    response.content_length(response.body().size());
    if (!error && parser.get().method() == http::verb::head) response.body().clear();
    std::ostringstream text;
    text << response;
    co_await write_within(limits.patience, stream.socket(), std::move(text).str());
    connection.may_be_closed = true;
    stream.expires_after(limits.patience);
    co_await hang_up(stream);
}

asio::awaitable<Response> MetricsServer::Shared::answer(const HttpRequest& request) {
    const std::string_view path = path_of(request);
    if (path != "/metrics") co_return refuse(http::status::not_found, ": try /metrics");
    if (request.method() != http::verb::get && request.method() != http::verb::head)
        co_return refuse_method();
    std::string text = co_await scrape();
    co_return respond(http::status::ok, kMetricsType, std::move(text));
}

asio::awaitable<std::string> MetricsServer::Shared::scrape() {
    struct Piece {
        std::vector<PoolRow> rows;
        std::optional<Cursor> next;
    };

    PoolUse pool;
    std::optional<Cursor> next = 0;
    while (next) {
        std::vector<PoolRow> room;
        room.reserve(kVisitRows);
        std::function<Piece()> job =
            [&backend = view.backend, from = *next, rows = std::move(room)]() mutable {
                const auto more = backend.pool_snapshot(from, kVisitBudget, rows);
                return Piece{std::move(rows), more};
            };
        const Piece piece = co_await packet_thread.run<Piece>(std::move(job));
        for (const PoolRow& row : piece.rows)
            pool.add(row);
        next = piece.next;
    }
    co_return metrics_text(view, pool, process.read());
}

/// Closing with bytes unread would take back what we have sent: a little is read, and no more.
asio::awaitable<void> MetricsServer::Shared::hang_up(Stream& stream) {
    boost::system::error_code error;
    stream.socket().shutdown(Protocol::socket::shutdown_send, error);
    std::array<char, 4096> rest{};
    auto token = asio::redirect_error(asio::use_awaitable, error);
    for (int i = 0; i < 16 && !error; ++i)
        co_await stream.async_read_some(asio::buffer(rest), token);
}

MetricsServer::MetricsServer(std::unique_ptr<MetricsListener> listener,
                             DaemonView view,
                             MetricsLimits limits)
    : shared_{std::make_shared<Shared>(std::move(listener), std::move(view), limits)} {}

MetricsServer::~MetricsServer() {
    stop();
}

void MetricsServer::start() {
    asio::co_spawn(shared_->listener->executor(), Shared::accept_loop(shared_), asio::detached);
}

void MetricsServer::stop() noexcept {
    shared_->stopped = true;
    shared_->listener->close();
    for (auto& connection : shared_->connections)
        connection.stream.close();
}

} // namespace nat64::service
