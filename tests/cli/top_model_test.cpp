// SPDX-License-Identifier: Apache-2.0
#include "cli/top_model.hpp"

#include <chrono>

#include <boost/json.hpp>
#include <doctest/doctest.h>

namespace nat64::cli {

namespace json = boost::json;
using namespace std::chrono_literals;

namespace {

/// A daemon `seconds` after its start that has carried `packets` each way.
Sample sample(int seconds, double packets) {
    Sample sample;
    sample.when = Moment{std::chrono::hours{1} + std::chrono::seconds{seconds}};
    sample.napt = "daemon";
    sample.pid = 100;
    sample.uptime = seconds;
    sample.received = 2 * packets;
    sample.protocols = {{.name = "tcp",
                         .sessions_created = packets / 10,
                         .bindings_created = packets / 20,
                         .outbound = {packets, 100 * packets},
                         .inbound = {packets, 1000 * packets}}};
    return sample;
}

} // namespace

TEST_CASE("top: rates are differences over the time between two answers") {
    TopModel model;
    CHECK_FALSE(model.lost().empty());
    model.take(sample(10, 1000));
    CHECK(model.lost().empty());
    CHECK_FALSE(model.rates());
    model.take(sample(12, 3000));
    REQUIRE(model.rates());
    CHECK(model.rates()->outbound_packets == 1000);
    CHECK(model.rates()->outbound_bits == 800'000);
    CHECK(model.rates()->inbound_bits == 8'000'000);
    CHECK(model.rates()->begun == 100);
    CHECK(model.inbound().peak() == 8'000'000);
    model.take(sample(13, 3000));
    CHECK(model.rates()->outbound_packets == 0);
    CHECK(model.inbound().values().size() == 2);
    CHECK(model.inbound().peak() == 8'000'000);
}

TEST_CASE("top: with the kernel's NAPT, what begins is clients") {
    TopModel model;
    for (const int second : {1, 2}) {
        auto next = sample(second, 100 * second);
        next.napt = "kernel";
        model.take(std::move(next));
    }
    CHECK(model.rates()->begun == 5);
}

TEST_CASE("top: another daemon begins anew, by process, uptime or counters") {
    for (int way = 0; way < 3; ++way) {
        CAPTURE(way);
        TopModel model;
        model.take(sample(10, 1000));
        model.take(sample(11, 2000));
        auto other = sample(way == 1 ? 1 : 12, way == 2 ? 5 : 3000);
        if (way == 0) other.pid = 101;
        model.take(std::move(other));
        CHECK_FALSE(model.rates());
        CHECK(model.inbound().values().empty());
    }
}

TEST_CASE("top: a daemon that is lost is said so, and what was known stays") {
    TopModel model;
    model.take(sample(10, 1000));
    model.take(sample(11, 2000));
    model.lose("it hung up");
    CHECK(model.lost() == "it hung up");
    CHECK(model.sample()->uptime == 11);
    CHECK(model.rates());
    model.take(sample(21, 12'000));
    CHECK(model.lost().empty());
    CHECK(model.rates()->outbound_packets == 1000); // the same daemon, over ten seconds
}

TEST_CASE("top: drops that happen now come first, then those with most") {
    TopModel model;
    auto first = sample(1, 10);
    first.drops = {{"a", "", 1000}, {"b", "", 5}, {"c", "", 7}};
    model.take(std::move(first));
    CHECK(model.drops()[0].total.reason == "a");
    CHECK(model.drops()[1].total.reason == "c");
    auto second = sample(3, 10);
    second.drops = {{"a", "", 1000}, {"b", "", 9}, {"c", "", 7}, {"d", "", 20}};
    model.take(std::move(second));
    REQUIRE(model.drops().size() == 4);
    CHECK(model.drops()[0].total.reason == "d");
    CHECK(model.drops()[0].rate == 10);
    CHECK(model.drops()[1].total.reason == "b");
    CHECK(model.drops()[1].rate == 2);
    CHECK(model.drops()[2].total.reason == "a");
    CHECK(model.drops()[2].rate == 0);
}

TEST_CASE("top: history is bounded") {
    History history;
    for (int i = 0; i < 5000; ++i)
        history.push(i);
    CHECK(history.values().size() == History::kLongest);
    CHECK(history.values().back() == 4999);
}

TEST_CASE("top: items of the control protocol, and of a daemon that says less") {
    Sample sample;
    take_status(json::parse(R"({"version":"1.2","pid":7,"uptime":5,"napt":"kernel",
        "prefix":"64:ff9b::/96","pool":{"prefixes":["100.64.0.0/16"],"addresses":65533},
        "sessions":9,"bindings":4,"packets":{"received":100,"emitted":90,"dropped":10},
        "protocols":[{"protocol":"udp","sessions":9,"created":{"sessions":11,"bindings":4},
          "ports":{"total":64512,"used":7},"outbound":{"packets":1,"bytes":2},
          "inbound":{"packets":3,"bytes":4}}, 5]})")
                    .as_object(),
                sample);
    CHECK(sample.shares_own_address());
    CHECK(sample.pool == "100.64.0.0/16");
    CHECK(sample.dropped == 10);
    REQUIRE(sample.protocols.size() == 1);
    CHECK(sample.protocols[0].bindings_created == 4);
    CHECK(sample.protocols[0].ports_used == 7);
    CHECK(sample.protocols[0].inbound.bytes == 4);
    take_client(json::parse(R"({"client":"2001:db8::5","sessions":3})").as_object(), sample);
    CHECK_FALSE(sample.clients[0].ports);
    take_client(json::parse(R"({"client":"2001:db8::5","ports":3})").as_object(), sample);
    CHECK(sample.clients[1].ports == 3);

    Sample nothing;
    take_status({}, nothing);
    take_pool({}, nothing);
    take_drop({}, nothing);
    CHECK(nothing.protocols.empty());
    CHECK(nothing.pools.size() == 1);
}

} // namespace nat64::cli
