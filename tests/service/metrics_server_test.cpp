// SPDX-License-Identifier: Apache-2.0
// HTTP by hand: good requests, bad clients, a place that is taken.
#include "service/metrics_server.hpp"
#include "tests/service/fake_daemon.hpp"
#include "tests/service/line_client.hpp"

#include <string>
#include <thread>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <doctest/doctest.h>

#include <sys/stat.h>

namespace nat64::service {

namespace {

using test::LineClient;

/// Both threads of a daemon and a metrics server on a Unix socket.
class Served {
public:
    explicit Served(MetricsLimits limits = {}) {
        backend.addresses = 2;
        DaemonView view{.config = config,
                        .counters = counters,
                        .backend = backend,
                        .packet_thread = packets_.get_executor(),
                        .now = [] { return Clock::time_point{}; },
                        .started = {},
                        .device = {},
                        .events = nullptr};
        server_ = std::make_unique<MetricsServer>(
            std::make_unique<MetricsListener>(control_, config::ListenAddress{path()}),
            std::move(view),
            limits);
        server_->start();
        packet_thread_ = std::thread{[this] {
            backend.packet_thread = std::this_thread::get_id();
            packets_.run();
        }};
        control_thread_ = std::thread{[this] { control_.run(); }};
    }

    Served(const Served&) = delete;
    Served& operator=(const Served&) = delete;

    ~Served() {
        control_.stop();
        control_thread_.join();
        server_->stop();
        packets_.stop();
        packet_thread_.join();
    }

    [[nodiscard]] std::filesystem::path path() const { return dir.path() / "metrics.sock"; }

    /// The whole answer.
    [[nodiscard]] std::string ask(std::string_view request) const {
        LineClient client{path()};
        client.send(request);
        std::string text;
        while (const auto line = client.line())
            text += *line + "\n";
        return text;
    }

    test::TempDir dir;
    config::Config config;
    Counters counters;
    test::TableBackend backend;

private:
    using Guard = boost::asio::executor_work_guard<boost::asio::io_context::executor_type>;

    boost::asio::io_context control_{1};
    boost::asio::io_context packets_{1};
    Guard guard_{packets_.get_executor()};
    std::unique_ptr<MetricsServer> server_;
    std::thread packet_thread_;
    std::thread control_thread_;
};

constexpr auto kGet = "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n";

} // namespace

TEST_CASE("metrics server: GET and HEAD of /metrics, nothing else") {
    const Served served;
    const auto answer = served.ask(kGet);
    CHECK(answer.starts_with("HTTP/1.1 200 OK\r\n"));
    CHECK(answer.find("version=0.0.4") != std::string::npos);
    CHECK(answer.find("\nnat64_received_packets_total 0\n") != std::string::npos);
    CHECK(served.backend.wrong_thread == 0);
    CHECK(served.backend.too_much_at_once == 0);

    const auto head = served.ask("HEAD /metrics HTTP/1.0\r\n\r\n");
    CHECK(head.starts_with("HTTP/1.1 200 OK\r\n"));
    CHECK(head.find("Content-Length: 0") == std::string::npos);
    CHECK(head.find("nat64_received") == std::string::npos);

    CHECK(served.ask("GET /metrics?x=1 HTTP/1.1\r\n\r\n").starts_with("HTTP/1.1 200"));
    CHECK(served.ask("GET / HTTP/1.1\r\n\r\n").starts_with("HTTP/1.1 404"));
    CHECK(served.ask("GET /metrics/x HTTP/1.1\r\n\r\n").starts_with("HTTP/1.1 404"));
    const auto post = served.ask("POST /metrics HTTP/1.1\r\nContent-Length: 1\r\n\r\nx");
    CHECK(post.starts_with("HTTP/1.1 405"));
    CHECK(post.find("Allow: GET, HEAD") != std::string::npos);
}

TEST_CASE("metrics server: garbage and oversized requests are refused") {
    const Served served;
    CHECK(served.ask("rubbish\r\n\r\n").starts_with("HTTP/1.1 400"));
    CHECK(served.ask(std::string(100, '\0') + "\r\n\r\n").starts_with("HTTP/1.1 400"));
    const auto huge = "GET /metrics HTTP/1.1\r\nX: " + std::string(20'000, 'x') + "\r\n\r\n";
    CHECK(served.ask(huge).starts_with("HTTP/1.1 431"));
    CHECK(served.ask(kGet).starts_with("HTTP/1.1 200"));
}

TEST_CASE("metrics server: who has not asked makes room for who comes later") {
    const Served served{{.connections = 4}};
    std::vector<std::unique_ptr<LineClient>> silent;
    for (int i = 0; i < 20; ++i) {
        silent.push_back(std::make_unique<LineClient>(served.path()));
        silent.back()->send("GET /met");
    }
    CHECK(served.ask(kGet).starts_with("HTTP/1.1 200"));
    CHECK(silent.front()->hung_up());
}

TEST_CASE("metrics server: a client that is too slow is hung up on") {
    const Served served{{.patience = std::chrono::milliseconds{50}}};
    LineClient slow{served.path()};
    slow.send("GET /metrics HTT");
    CHECK(slow.hung_up());
}

TEST_CASE("metrics listener: a place that is taken is an error that names it") {
    boost::asio::io_context control;
    const auto any = config::ListenAddress{Endpoint4{Ipv4Addr{127, 0, 0, 1}, Port{}}};
    MetricsListener first{control, any};
    const auto taken =
        config::ListenAddress{Endpoint4{Ipv4Addr{127, 0, 0, 1}, Port{first.port()}}};
    try {
        const MetricsListener second{control, taken};
        FAIL("listens");
    } catch (const std::system_error& error) {
        const std::string text = error.what();
        CHECK(text.starts_with("metrics.listen: listen on 127.0.0.1:"));
        CHECK(text.find("in use") != std::string::npos);
    }
}

TEST_CASE("metrics listener: its Unix socket is for everybody, and goes with it") {
    const test::TempDir dir;
    const auto path = dir.path() / "m.sock";
    {
        boost::asio::io_context control;
        const MetricsListener listener{control, config::ListenAddress{path}};
        struct ::stat found{};
        REQUIRE(::stat(path.c_str(), &found) == 0);
        CHECK((found.st_mode & 0777U) == 0666U);
        CHECK_THROWS_WITH_AS((MetricsListener{control, config::ListenAddress{path}}),
                             doctest::Contains("metrics.listen: another nat64 is running"),
                             std::runtime_error);
    }
    CHECK_FALSE(std::filesystem::exists(path));
}

} // namespace nat64::service
