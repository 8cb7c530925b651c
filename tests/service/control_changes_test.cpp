// SPDX-License-Identifier: Apache-2.0
// The verbs that change a daemon, over a real Unix socket.
#include "tests/service/fake_daemon.hpp"
#include "tests/service/line_client.hpp"

#include <string>
#include <vector>

#include <boost/json.hpp>
#include <doctest/doctest.h>
#include <spdlog/spdlog.h>

namespace nat64::service {

namespace json = boost::json;
using test::FakeDaemon;
using test::LineClient;

namespace {

/// {"v":1,"verb":VERB EXTRA}
std::vector<std::string>
ask(const FakeDaemon& daemon, const std::string& verb, const std::string& extra = "") {
    return LineClient{daemon.socket()}.ask(R"({"v":1,"verb":")" + verb + "\"" + extra + "}");
}

std::string error_of(const std::vector<std::string>& reply) {
    REQUIRE_FALSE(reply.empty());
    const json::value last = json::parse(reply.back());
    const json::value* error = last.as_object().if_contains("error");
    return error == nullptr ? "" : error->at("code").as_string().c_str();
}

/// A configuration with one change in it, or a refusal.
class FakeChanges final : public DaemonChanges {
public:
    bool refuses = false;
    std::optional<LastReload> last;

    boost::asio::awaitable<std::vector<config::Change>> reload() override {
        if (refuses) throw CommandFailure{"restart_needed", "one\ntwo"};
        last = {.when = Clock::time_point{std::chrono::hours{1}},
                .result = ReloadResult::Applied,
                .changes = 1};
        std::vector<config::Change> changes{{"log.level", "info", "\"debug\""}};
        co_return changes;
    }

    [[nodiscard]] const std::optional<LastReload>& last_reload() const noexcept override {
        return last;
    }
};

} // namespace

TEST_CASE("reload: an item for each key, and show status has how it went") {
    FakeChanges changes;
    const FakeDaemon daemon{{.changes = &changes}};
    CHECK(
        json::parse(ask(daemon, "show", R"(,"what":"status")").at(0)).at("item").at("reload") ==
        nullptr);
    const auto reply = ask(daemon, "reload");
    REQUIRE(reply.size() == 2);
    CHECK(json::parse(reply[0]).at("item") ==
          json::parse(R"({"key":"log.level","before":"info","after":"\"debug\""})"));
    const auto status =
        json::parse(ask(daemon, "show", R"(,"what":"status")").at(0)).at("item");
    CHECK(status.at("reload") == json::parse(R"({"ago":252,"result":"applied","changes":1})"));
}

TEST_CASE("reload: a refusal is an error with a code of its own") {
    FakeChanges changes;
    changes.refuses = true;
    const FakeDaemon daemon{{.changes = &changes}};
    const auto reply = ask(daemon, "reload");
    CHECK(error_of(reply) == "restart_needed");
    CHECK(json::parse(reply.back()).at("error").at("message") == "one\ntwo");
}

TEST_CASE("flush: visits the packet thread until the end, and says how many") {
    FakeDaemon daemon{{.rows = 10'000}};
    const auto reply = ask(daemon, "flush", R"(,"all":true)");
    REQUIRE(reply.size() == 2);
    CHECK(json::parse(reply[0]).at("item") == json::parse(R"({"sessions":1000,"bindings":0})"));
    CHECK(daemon.backend.flushes == 10);
    CHECK(daemon.backend.wrong_thread == 0);
}

TEST_CASE("flush: never without a filter, and never with `all` and one") {
    FakeDaemon daemon{{.rows = 10}};
    CHECK(error_of(ask(daemon, "flush")) == "bad_request");
    CHECK(error_of(ask(daemon, "flush", R"(,"all":false)")) == "bad_request");
    CHECK(error_of(ask(daemon, "flush", R"(,"all":true,"protocol":"tcp")")) == "bad_request");
    CHECK(error_of(ask(daemon, "flush", R"(,"limit":5)")) == "unknown_field");
    CHECK(error_of(ask(daemon, "flush", R"(,"what":"sessions","all":true)")) == "unknown_what");
    CHECK(daemon.backend.flushes == 0);
    CHECK(error_of(ask(daemon, "flush", R"(,"protocol":"tcp")")).empty());
}

TEST_CASE("log-level: takes the five levels and nothing else") {
    const FakeDaemon daemon;
    const auto before = spdlog::default_logger()->level();
    const auto reply = ask(daemon, "log-level", R"(,"level":"warning")");
    CHECK(spdlog::default_logger()->level() == spdlog::level::warn);
    CHECK(json::parse(reply.at(0)).at("item") == json::parse(R"({"level":"warning"})"));
    CHECK(error_of(ask(daemon, "log-level", R"(,"level":"loud")")) == "bad_value");
    CHECK(error_of(ask(daemon, "log-level")) == "bad_request");
    spdlog::default_logger()->set_level(before);
}

} // namespace nat64::service
