// SPDX-License-Identifier: Apache-2.0
// The protocol over a real Unix socket: commands and their answers, and clients that misbehave.
#include "tests/service/fake_daemon.hpp"
#include "tests/service/line_client.hpp"

#include <chrono>
#include <exception>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/json.hpp>
#include <doctest/doctest.h>

#include <sys/resource.h>

namespace nat64::service {

namespace json = boost::json;
using test::FakeDaemon;
using test::LineClient;
using test::show_request;

namespace {

/// The code of the error that ends a reply, or "" if it ends without one.
std::string error_of(const std::vector<std::string>& reply) {
    if (reply.empty()) return "no reply";
    const json::value last = json::parse(reply.back());
    REQUIRE(last.at("done").as_bool());
    const json::value* error = last.as_object().if_contains("error");
    return error == nullptr ? "" : error->at("code").as_string().c_str();
}

json::value item(const std::string& line) {
    return json::parse(line).at("item");
}

constexpr const char* kPing = R"({"v":1,"id":1,"verb":"show","what":"drops"})";

bool serves(const FakeDaemon& daemon) {
    return error_of(LineClient{daemon.socket()}.ask(kPing)).empty();
}

bool soon(const std::function<bool()>& holds) {
    for (int i = 0; i < 1000 && !holds(); ++i)
        std::this_thread::sleep_for(std::chrono::milliseconds{10});
    return holds();
}

/// The limits, with one of them changed.
ControlLimits with_idle(std::chrono::milliseconds idle) {
    ControlLimits limits;
    limits.idle = idle;
    return limits;
}

} // namespace

TEST_CASE("show status: one object that sums up daemon, tables, traffic and pool") {
    FakeDaemon daemon;
    daemon.counters.sessions_created[0].add(5);
    daemon.counters.sessions_deleted[0].add(2);
    daemon.counters.sessions_created[1].add(4);
    daemon.counters.bindings_created[1].add(2);
    daemon.counters.count(Direction::Outbound, L4Proto::Udp, 1234);
    std::ignore = daemon.counters.drop(DropReason::Truncated);
    std::ignore = daemon.counters.drop(DropReason::NoBinding);
    const auto reply = LineClient{daemon.socket()}.ask(show_request("status"));
    REQUIRE(reply.size() == 2);
    CHECK(reply[1] == R"({"id":7,"done":true})");
    const json::value status = item(reply[0]);
    CHECK(status.at("version").as_string() == NAT64_VERSION);
    CHECK(status.at("uptime").as_int64() == 252);
    CHECK(status.at("prefix").as_string() == "64:ff9b::/96");
    CHECK(status.at("pool") == json::parse(R"({"prefixes":["192.0.2.0/28"],"addresses":1})"));
    CHECK(status.at("tun") ==
          json::parse(R"({"name":"nat64","tcp_segmentation":true,"udp_segmentation":false})"));
    CHECK(status.at("sessions").as_int64() == 7);
    CHECK(status.at("bindings").as_int64() == 2);
    CHECK(status.at("packets").at("dropped").as_int64() == 2);
    CHECK(status.at("protocols").at(0).at("sessions").as_int64() == 3);
    CHECK(status.at("protocols").at(1) ==
          json::parse(R"({"protocol":"udp","sessions":4,"bindings":2,)"
                      R"("ports":{"total":64512,"used":100,"held_back":2},)"
                      R"("created":{"sessions":4,"bindings":2},)"
                      R"("outbound":{"packets":1,"bytes":1234},)"
                      R"("inbound":{"packets":0,"bytes":0}})"));
}

TEST_CASE("show drops: reasons that occurred, or all of them") {
    FakeDaemon daemon;
    std::ignore = daemon.counters.drop(DropReason::PoolExhausted);
    LineClient client{daemon.socket()};
    const auto some = client.ask(show_request("drops"));
    REQUIRE(some.size() == 2);
    CHECK(item(some[0]).at("reason").as_string() == "pool_exhausted");
    CHECK(client.ask(show_request("drops", R"(,"all":true)")).size() == kDropReasonCount + 1);
}

TEST_CASE("show drops, show status: what rules of the kernel refuse is among the drops") {
    test::FakeDaemonOptions options;
    options.refused = [] {
        DropSum sum{};
        sum[static_cast<std::size_t>(DropReason::ClientSessionLimit)] = 7;
        return sum;
    };
    FakeDaemon daemon{options};
    std::ignore = daemon.counters.drop(DropReason::PoolExhausted);
    LineClient client{daemon.socket()};
    const auto rows = client.ask(show_request("drops"));
    REQUIRE(rows.size() == 3);
    CHECK(item(rows[1]).at("reason").as_string() == "client_session_limit");
    CHECK(item(rows[1]).at("packets").as_int64() == 7);
    const auto packets = item(client.ask(show_request("status"))[0]).at("packets");
    CHECK(packets.at("dropped").as_int64() == 8);
    CHECK(packets.at("refused").as_int64() == 7);
}

TEST_CASE("show config: the effective configuration as text and by key") {
    const FakeDaemon daemon;
    const auto reply = LineClient{daemon.socket()}.ask(show_request("config"));
    REQUIRE(reply.size() == 2);
    const json::value config = item(reply[0]);
    CHECK(config.at("yaml").as_string().find("prefix: 64:ff9b::/96") != json::string::npos);
    CHECK(config.at("values").at("limits.sessions").as_int64() == 1'000'000);
    CHECK(config.at("values").at("pool") == json::array{"192.0.2.0/28"});
    CHECK(config.at("values").at("static").as_array().empty());
}

TEST_CASE("show pool: a row an address and protocol, filtered and in pages") {
    const FakeDaemon daemon{{.addresses = 300}};
    LineClient client{daemon.socket()};
    CHECK(client.ask(show_request("pool")).size() == 901);
    CHECK(client.ask(show_request("pool", R"(,"protocol":"udp","mapped":"192.0.2.8/29")"))
              .size() == 9);
    const auto page = client.ask(show_request("pool", R"(,"limit":2)"));
    REQUIRE(page.size() == 3);
    CHECK(page[2] == R"({"id":7,"done":true,"cursor":"pool:2"})");
    const auto rest = client.ask(show_request("pool", R"(,"cursor":"pool:898")"));
    REQUIRE(rest.size() == 3);
    CHECK(rest[2] == R"({"id":7,"done":true})");
    CHECK(client.ask(show_request("pool", R"(,"cursor":"pool:99999")")).size() == 1);
    CHECK(item(client.ask(show_request("pool", R"(,"count":true)"))[0]).at("count") == 900);
}

TEST_CASE(
    "control server: requests of one connection are answered in order, pipelined or not") {
    const FakeDaemon daemon;
    LineClient client{daemon.socket()};
    std::string many;
    for (int i = 0; i < 100; ++i)
        many += R"({"v":1,"id":)" + std::to_string(i) +
                R"(,"verb":"show","what":"drops"})"
                "\n";
    client.send(many);
    for (int i = 0; i < 100; ++i)
        CHECK(client.line() == R"({"id":)" + std::to_string(i) + R"(,"done":true})");
}

TEST_CASE("control server: garbage is answered and the connection goes on") {
    const FakeDaemon daemon;
    LineClient client{daemon.socket()};
    const char* garbage[] = {"x", "{", "\x16\x03\x01\x02", "[[[[[[[[", "null", "\"\\ud800\""};
    for (const char* line : garbage)
        CHECK(error_of(client.ask(line)) == "bad_json");
    CHECK(error_of(client.ask(std::string(5000, '['))) == "bad_json");
    CHECK(error_of(client.ask(std::string_view{"\0\0", 2})) == "bad_json");
    CHECK(error_of(client.ask(R"({"v":2})")) == "unsupported_version");
    CHECK(error_of(client.ask(R"({"v":1,"verb":"show","what":"x"})")) == "unknown_what");
    client.send("\n \r\n");
    CHECK(error_of(client.ask(kPing)).empty());
}

TEST_CASE("control server: a request without end is refused") {
    const FakeDaemon daemon;
    LineClient client{daemon.socket()};
    client.send(std::string(70 * 1024, ' '));
    CHECK(error_of(client.reply()) == "too_large");
    CHECK(client.hung_up());
    CHECK(serves(daemon));
}

TEST_CASE("control server: a request just small enough is taken") {
    const FakeDaemon daemon;
    LineClient client{daemon.socket()};
    client.send(std::string(64 * 1024 - std::string_view{kPing}.size() - 1, ' '));
    CHECK(error_of(client.ask(kPing)).empty());
}

TEST_CASE("control server: who has said all may half-close, even without a line end") {
    const FakeDaemon daemon{{.rows = 1000}};
    LineClient client{daemon.socket()};
    client.send(show_request("sessions"));
    client.half_close();
    CHECK(client.reply().size() == 1001);
    CHECK(client.line() == std::nullopt);
}

TEST_CASE("control server: a client that goes away in the middle harms nobody") {
    const FakeDaemon daemon{{.rows = 200'000}};
    for (int i = 0; i < 20; ++i) {
        LineClient client{daemon.socket()};
        client.send(show_request("sessions"));
        client.send("\n");
        if (i % 2 == 0) CHECK(client.line());
    }
    CHECK(serves(daemon));
}

TEST_CASE("control server: silence ends a connection, half a line does not count as speech") {
    const FakeDaemon daemon{{.limits = with_idle(std::chrono::milliseconds{30})}};
    LineClient silent{daemon.socket()};
    CHECK(silent.hung_up());
    LineClient half{daemon.socket()};
    half.send(R"({"v":1,)");
    CHECK(half.hung_up());
}

TEST_CASE("control server: a command that takes longer than silence may last is no silence") {
    class Slow final : public SessionReader {
    public:
        boost::asio::awaitable<bool> next(std::vector<SessionRow>& /*rows*/) override {
            const auto executor = co_await boost::asio::this_coro::executor;
            boost::asio::steady_timer timer{executor, std::chrono::milliseconds{1200}};
            co_await timer.async_wait(boost::asio::use_awaitable);
            co_return false;
        }
    };

    const FakeDaemon daemon{{.limits = with_idle(std::chrono::milliseconds{500}),
                             .sessions = [](PacketThread& /*packets*/, const Filter& /*all*/) {
                                 return std::make_unique<Slow>();
                             }}};
    LineClient client{daemon.socket()};
    const auto reply = client.ask(show_request("sessions"));
    CHECK(error_of(reply).empty());
    CHECK(client.hung_up()); // silence counts again
}

TEST_CASE("control server: only so many clients at a time, the others are told") {
    ::rlimit files{};
    ::getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = std::min<rlim_t>(files.rlim_max, 4096);
    ::setrlimit(RLIMIT_NOFILE, &files);
    const FakeDaemon daemon;
    std::vector<LineClient> clients;
    for (int i = 0; i < 1000; ++i)
        clients.emplace_back(daemon.socket());
    int served = 0;
    int refused = 0;
    for (LineClient& client : clients) {
        const std::string error = error_of(client.ask(kPing));
        served += error.empty() ? 1 : 0;
        refused += error == "too_many_connections" ? 1 : 0;
    }
    // All of them may change the daemon, so there is a reserve for them.
    CHECK(served == 64 + 8);
    CHECK(refused == 1000 - served);
    clients.clear();
    // Places become free as soon as the daemon sees its clients gone.
    bool free = false;
    for (int i = 0; i < 1000 && !free; ++i)
        free = serves(daemon);
    CHECK(free);
}

TEST_CASE("control server: a socket file that somebody removes comes back") {
    ControlLimits limits;
    limits.look = std::chrono::milliseconds{10};
    const FakeDaemon daemon{{.limits = limits}};
    LineClient connected{daemon.socket()};
    CHECK(serves(daemon));
    for (int i = 0; i < 3; ++i) {
        std::filesystem::remove(daemon.socket());
        CHECK(soon([&] {
            try {
                return serves(daemon);
            } catch (const std::exception&) {
                return false; // not there yet, or there and not listening yet
            }
        }));
    }
    CHECK(error_of(connected.ask(kPing)).empty());
}

TEST_CASE("control server: what somebody puts in the place of its socket file is left there") {
    ControlLimits limits;
    limits.look = std::chrono::milliseconds{10};
    const FakeDaemon daemon{{.limits = limits}};
    std::filesystem::remove(daemon.socket());
    std::ofstream{daemon.socket()} << "mine";
    std::this_thread::sleep_for(std::chrono::milliseconds{100}); // several looks
    CHECK(std::filesystem::is_regular_file(daemon.socket()));
    std::filesystem::remove(daemon.socket());
    CHECK(soon([&] { return std::filesystem::is_socket(daemon.socket()) && serves(daemon); }));
}

TEST_CASE("control server: it stops in the middle of a listing, with the packet thread gone") {
    for (const bool packets : {true, false}) {
        auto daemon = std::make_unique<FakeDaemon>(
            test::FakeDaemonOptions{.rows = 1'000'000, .packet_thread_runs = packets});
        std::vector<LineClient> clients;
        for (int i = 0; i < 10; ++i) {
            clients.emplace_back(daemon->socket());
            clients.back().send(show_request("sessions") + "\n");
        }
        if (packets) CHECK(clients.front().line());
        const std::filesystem::path socket = daemon->socket();
        daemon.reset();
        CHECK_FALSE(std::filesystem::exists(socket));
        for (LineClient& client : clients)
            CHECK(client.hung_up());
    }
}

} // namespace nat64::service
