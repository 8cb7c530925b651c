// SPDX-License-Identifier: Apache-2.0
#include "service/control_commands.hpp"
#include "service/session_pages.hpp"
#include "tests/service/fake_daemon.hpp"
#include "tests/service/line_client.hpp"

#include <map>
#include <set>

#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/json.hpp>
#include <doctest/doctest.h>

namespace nat64::service {

namespace {

namespace json = boost::json;

using test::FakeDaemon;
using test::LineClient;
using test::TableBackend;

/// The same rows in another order, as conntrack has them: an order that means nothing.
std::vector<SessionRow> shuffled(std::uint64_t from, std::uint64_t to) {
    std::vector<SessionRow> rows;
    for (auto i = from; i < to; ++i)
        rows.push_back(TableBackend::session(from + (i * 7919) % (to - from)));
    return rows;
}

SessionPage::Result
page_of(const std::vector<SessionRow>& rows, Cursor from, std::size_t room) {
    SessionPage page{from, room};
    for (const auto& row : rows)
        page.offer(place_of(row), row);
    return page.take();
}

/// Seven rows at a time; none at times.
class FakeReader final : public SessionReader {
public:
    FakeReader(std::uint64_t rows, const Filter& filter) : rows_{rows}, filter_{filter} {}

    boost::asio::awaitable<bool> next(std::vector<SessionRow>& rows) override {
        const auto executor = co_await boost::asio::this_coro::executor;
        co_await boost::asio::post(executor, boost::asio::use_awaitable);
        for (int i = 0; i < 7 && at_ < rows_; ++i, ++at_) {
            const auto row = TableBackend::session((at_ * 7919) % rows_);
            if (!filter_.protocol || *filter_.protocol == row.protocol) rows.push_back(row);
        }
        co_return at_ < rows_;
    }

private:
    std::uint64_t rows_;
    Filter filter_;
    std::uint64_t at_ = 0;
};

constexpr std::uint64_t kRows = 1000;

SessionSource fake_source() {
    return [](PacketThread& /*packets*/, const Filter& filter) {
        return std::make_unique<FakeReader>(kRows, filter);
    };
}

std::string request(const std::string& what, const std::string& more = {}) {
    return R"({"v":1,"id":7,"verb":"show","what":")" + what + '"' + more + "}";
}

} // namespace

TEST_CASE("session pages: every row is on one page, whatever their order") {
    const auto rows = shuffled(0, 997);
    std::map<Cursor, int> seen;
    std::optional<Cursor> cursor = 0;
    std::size_t pages = 0;
    for (; cursor; ++pages) {
        const auto page = page_of(rows, *cursor, 100);
        CHECK(page.rows.size() <= 100);
        for (const auto& row : page.rows)
            ++seen[place_of(row)];
        cursor = page.next;
    }
    CHECK(pages == 10);
    CHECK(seen.size() == 997);
    for (const auto& [place, times] : seen)
        CHECK(times == 1);
}

TEST_CASE("session pages: what begins and ends between pages costs no other row its place") {
    std::set<Cursor> seen;
    std::optional<Cursor> cursor = 0;
    for (std::uint64_t round = 0; cursor; ++round) {
        // Rows 0 to 499 live all along; others only for a page.
        auto rows = shuffled(0, 500);
        for (const auto& passing : shuffled(1000 + 100 * round, 1100 + 100 * round))
            rows.insert(rows.begin(), passing);
        const auto page = page_of(rows, *cursor, 50);
        for (const auto& row : page.rows)
            CHECK(seen.insert(place_of(row)).second);
        cursor = page.next;
    }
    for (std::uint64_t i = 0; i < 500; ++i)
        CHECK(seen.contains(place_of(TableBackend::session(i))));
}

TEST_CASE("session pages: a page that holds all that is left is the last") {
    const auto rows = shuffled(0, 10);
    CHECK_FALSE(page_of(rows, 0, 10).next);
    CHECK(page_of(rows, 0, 9).next);
    CHECK_FALSE(page_of({}, 0, 10).next);
}

TEST_CASE("show sessions: of another source, whole, counted, filtered and in pages") {
    const FakeDaemon daemon{{.sessions = fake_source()}};
    LineClient client{daemon.socket()};
    CHECK(client.ask(request("sessions")).size() == kRows + 1);
    CHECK(client.ask(request("sessions", R"(,"count":true)"))[0] ==
          R"({"id":7,"item":{"count":1000}})");
    CHECK(client.ask(request("sessions", R"(,"protocol":"icmp")")).size() == 333 + 1);
    CHECK(client.ask(request("sessions", R"(,"protocol":"icmp","limit":10,"count":true)"))[0] ==
          R"({"id":7,"item":{"count":10}})");
    std::set<std::string> seen;
    std::string more = R"(,"limit":77)";
    while (!more.empty()) {
        const auto reply = client.ask(request("sessions", more));
        CHECK(reply.size() <= 78);
        seen.insert(reply.begin(), reply.end() - 1);
        const json::value last = json::parse(reply.back());
        const json::value* cursor = last.as_object().if_contains("cursor");
        more = cursor == nullptr ? "" : R"(,"limit":77,"cursor":)" + json::serialize(*cursor);
    }
    CHECK(seen.size() == kRows);
}

TEST_CASE("show clients: of another source, counted by client prefix") {
    FakeDaemon daemon{{.sessions = fake_source()}};
    LineClient client{daemon.socket()};
    const auto reply = client.ask(request("clients", R"(,"limit":1)"));
    CHECK(json::parse(reply[0]).at("item").at("sessions") == 1);
    CHECK(reply[0].find("ports") == std::string::npos);
    CHECK(client.ask(request("clients", R"(,"count":true)"))[0] ==
          R"({"id":7,"item":{"count":1000}})");
}

TEST_CASE("show status: sessions of another source are counted there, and it says when") {
    const FakeDaemon daemon{
        {.sessions = fake_source(), .count = []() -> boost::asio::awaitable<CountedSessions> {
             co_return CountedSessions{.sessions = {334, 600, 66}, .when = {}};
         }}};
    LineClient client{daemon.socket()};
    const json::value reply = json::parse(client.ask(request("status"))[0]);
    const json::value& status = reply.at("item");
    CHECK(status.at("sessions") == kRows);
    CHECK(status.at("protocols").at(0).at("sessions") == 334);
    CHECK(status.at("sessions_age").is_int64());
}

} // namespace nat64::service
