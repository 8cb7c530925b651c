// SPDX-License-Identifier: Apache-2.0
// Large tables: what reading them may cost the packet thread, the memory and other readers.
#include "tests/service/fake_daemon.hpp"
#include "tests/service/line_client.hpp"

#include <algorithm>
#include <fstream>
#include <functional>
#include <set>
#include <string>

#include <boost/json.hpp>
#include <doctest/doctest.h>

#include <unistd.h>

namespace nat64::service {

namespace json = boost::json;
using test::FakeDaemon;
using test::LineClient;
using test::show_request;
using test::TableBackend;

namespace {

constexpr std::uint64_t kMillion = 1'000'000;

/// Sanitizers keep freed memory, which is not what is measured here.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kMemoryTells = false;
#else
constexpr bool kMemoryTells = true;
#endif

std::uint64_t resident_bytes() {
    std::ifstream statm{"/proc/self/statm"};
    std::uint64_t size = 0;
    std::uint64_t resident = 0;
    statm >> size >> resident;
    return resident * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

/// Reads a reply to its end and keeps none of it: how many items there were.
std::uint64_t count_items(LineClient& client) {
    std::uint64_t items = 0;
    while (const auto line = client.line()) {
        if (line->find("\"done\":true") != std::string::npos) return items;
        ++items;
    }
    return items;
}

std::uint64_t rows(LineClient& client, const std::string& filters) {
    return client.ask(show_request("sessions", filters)).size() - 1;
}

void check_manners(const TableBackend& backend) {
    CHECK(backend.wrong_thread == 0);
    CHECK(backend.too_much_at_once == 0);
}

} // namespace

TEST_CASE("show sessions: a million rows stream in bounded memory and in small visits") {
    const FakeDaemon daemon{{.rows = kMillion}};
    LineClient client{daemon.socket()};
    client.ask(show_request("sessions", R"(,"limit":10000)")); // everybody warms up
    const std::uint64_t before = resident_bytes();
    client.send(show_request("sessions") + "\n");
    CHECK(count_items(client) == kMillion);
    const std::uint64_t after = resident_bytes();
    const std::uint64_t grown = after > before ? after - before : 0;
    MESSAGE("resident memory grew by " << grown / 1024 << " KiB, "
                                       << daemon.backend.visits.load() << " visits");
    if (kMemoryTells) CHECK(grown < 4 * 1024 * 1024);
    CHECK(daemon.backend.visits > kMillion / 1024);
    check_manners(daemon.backend);
}

TEST_CASE("show sessions: who does not read holds up nobody else, and costs a few rows only") {
    const FakeDaemon daemon{{.rows = kMillion}};
    LineClient slow{daemon.socket()};
    slow.send(show_request("sessions") + "\n");
    REQUIRE(slow.line());
    // The packet thread has been asked for what fits into the socket, and no more.
    LineClient quick{daemon.socket()};
    for (int i = 0; i < 100; ++i)
        CHECK(quick.ask(show_request("status")).size() == 2);
    const std::uint64_t taken = daemon.backend.rows_given;
    CHECK(taken < 20'000);
    CHECK(rows(quick, R"(,"protocol":"tcp","limit":30000)") == 30'000);
    CHECK(count_items(slow) == kMillion - 1);
    check_manners(daemon.backend);
}

TEST_CASE("show sessions: who reads nothing for too long is dropped") {
    ControlLimits limits;
    limits.stall = std::chrono::milliseconds{50};
    const FakeDaemon daemon{{.rows = kMillion, .limits = limits}};
    LineClient stalled{daemon.socket()};
    stalled.send(show_request("sessions") + "\n");
    CHECK(stalled.hung_up());
    CHECK(count_items(stalled) < kMillion);
}

TEST_CASE("show sessions: many readers at once get every row") {
    constexpr std::uint64_t kRows = 20'000;
    const FakeDaemon daemon{{.rows = kRows}};
    std::vector<LineClient> clients;
    for (int i = 0; i < 20; ++i) {
        clients.emplace_back(daemon.socket());
        clients.back().send(show_request("sessions") + "\n");
    }
    for (LineClient& client : clients)
        CHECK(count_items(client) == kRows);
    check_manners(daemon.backend);
}

TEST_CASE("show sessions: filters choose rows, and a search without match ends") {
    const FakeDaemon daemon{{.rows = 9000}};
    LineClient client{daemon.socket()};
    CHECK(rows(client, R"(,"protocol":"icmp")") == 3000);
    CHECK(rows(client, R"(,"client":"2001:db8:0:1::/64")") == 900);
    CHECK(rows(client, R"(,"client":"2001:db8::5")") == 1);
    CHECK(rows(client, R"(,"server":"198.51.100.0")") == 36);
    CHECK(rows(client, R"(,"mapped":"192.0.2.0/29")") == 4504);
    CHECK(rows(client, R"(,"protocol":"tcp","client":"2001:db8:0:1::/64")") == 300);
    CHECK(rows(client, R"(,"client":"2001:db8:ffff::/48")") == 0);
    check_manners(daemon.backend);
}

TEST_CASE("show bindings: pages by limit and cursor hold every row once") {
    constexpr std::uint64_t kRows = 1000;
    const FakeDaemon daemon{{.rows = kRows}};
    LineClient client{daemon.socket()};
    std::set<std::string> seen;
    std::uint64_t items = 0;
    std::string extra = R"(,"limit":77)";
    while (!extra.empty()) {
        const auto reply = client.ask(show_request("bindings", extra));
        REQUIRE(reply.size() <= 78);
        items += reply.size() - 1;
        for (std::size_t i = 0; i + 1 < reply.size(); ++i)
            seen.insert(reply[i]);
        const json::value last = json::parse(reply.back());
        const json::value* cursor = last.as_object().if_contains("cursor");
        extra = cursor == nullptr ? "" : R"(,"limit":77,"cursor":)" + json::serialize(*cursor);
    }
    CHECK(items == kRows);
    CHECK(seen.size() == kRows);
}

TEST_CASE("show bindings: a cursor from nowhere is the end, not an error of ours") {
    const FakeDaemon daemon{{.rows = 10}};
    LineClient client{daemon.socket()};
    const auto reply =
        client.ask(show_request("bindings", R"(,"cursor":"bindings:18446744073709551615")"));
    CHECK(reply == std::vector<std::string>{R"({"id":7,"done":true})"});
}

namespace {

std::vector<std::int64_t> sessions_of(const std::vector<std::string>& reply) {
    std::vector<std::int64_t> counts;
    for (std::size_t i = 0; i + 1 < reply.size(); ++i)
        counts.push_back(json::parse(reply[i]).at("item").at("sessions").as_int64());
    return counts;
}

} // namespace

TEST_CASE("show clients: those with most first, by small visits, a page is all that is kept") {
    const FakeDaemon daemon{{.rows = kMillion}};
    LineClient client{daemon.socket()};
    const auto reply = client.ask(show_request("clients", R"(,"limit":101)"));
    REQUIRE(reply.size() == 102);
    const auto counts = sessions_of(reply);
    CHECK(counts.front() == 999);
    CHECK(counts[99] == 999); // a hundred thousand clients, a hundred of each
    CHECK(counts[100] == 998);
    CHECK(reply.back().find(R"("cursor":"clients:)") != std::string::npos);
    const auto ports = client.ask(show_request("clients", R"(,"limit":1,"sort":"ports")"));
    CHECK(sessions_of(ports) == std::vector<std::int64_t>{0});
    CHECK(client.ask(show_request("clients", R"(,"count":true)"))[0] ==
          R"({"id":7,"item":{"count":100000}})");
    check_manners(daemon.backend);
}

TEST_CASE("show clients: pages hold every client once, in order") {
    const FakeDaemon daemon{{.rows = 20'000}};
    LineClient client{daemon.socket()};
    std::set<std::string> seen;
    std::vector<std::int64_t> counts;
    std::string extra = R"(,"limit":300)";
    while (!extra.empty()) {
        const auto reply = client.ask(show_request("clients", extra));
        seen.insert(reply.begin(), reply.end() - 1);
        for (const auto count : sessions_of(reply))
            counts.push_back(count);
        const json::value last = json::parse(reply.back());
        const json::value* cursor = last.as_object().if_contains("cursor");
        extra = cursor == nullptr ? "" : R"(,"limit":300,"cursor":)" + json::serialize(*cursor);
    }
    CHECK(seen.size() == 2000);
    CHECK(counts.size() == 2000);
    CHECK(std::ranges::is_sorted(counts, std::greater{}));
}

TEST_CASE("show clients: only those of a prefix") {
    const FakeDaemon daemon{{.rows = 20'000}};
    LineClient client{daemon.socket()};
    const auto reply =
        client.ask(show_request("clients", R"(,"client":"2001:db8:0:1::/64","count":true)"));
    CHECK(reply[0] == R"({"id":7,"item":{"count":200}})");
}

TEST_CASE("show sessions: counting sends one item") {
    const FakeDaemon daemon{{.rows = 9000}};
    LineClient client{daemon.socket()};
    const auto reply =
        client.ask(show_request("sessions", R"(,"count":true,"protocol":"udp")"));
    CHECK(reply == std::vector<std::string>{R"({"id":7,"item":{"count":3000}})",
                                            R"({"id":7,"done":true})"});
}

} // namespace nat64::service
