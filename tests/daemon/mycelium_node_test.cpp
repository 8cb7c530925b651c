// SPDX-License-Identifier: Apache-2.0
// What a Mycelium node answers, and what is made of it. The node is a thread with a socket that
// says what a test wants, and nothing, and too much.
#include "config/config_error.hpp"
#include "config/load.hpp"
#include "daemon/mycelium_node.hpp"

#include <chrono>
#include <stdexcept>
#include <string>
#include <thread>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/write.hpp>
#include <doctest/doctest.h>

namespace nat64::daemon {

namespace asio = boost::asio;
using asio::ip::tcp;

namespace {

constexpr auto kInfo = R"({"nodeSubnet":"5c4:c176:bf44:b2ab::/64",)"
                       R"("nodeIp":"5c4:c176:bf44:b2ab:5e7e:f6a:b7e2:11ca",)"
                       R"("nodePubkey":"abd1","nodeStartTime":1})";

std::string ok(const std::string& body) {
    return "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: " +
           std::to_string(body.size()) + "\r\n\r\n" + body;
}

/// Answers one request.
class FakeNode {
public:
    explicit FakeNode(std::string answer)
        : thread_{[this, answer = std::move(answer)] {
              tcp::socket client{context_};
              boost::system::error_code error;
              acceptor_.accept(client, error);
              if (error) return;
              asio::read_until(client, asio::dynamic_buffer(request), "\r\n\r\n", error);
              asio::write(client, asio::buffer(answer), error);
          }} {}

    ~FakeNode() { thread_.join(); }

    [[nodiscard]] std::string api() const {
        return "127.0.0.1:" + std::to_string(acceptor_.local_endpoint().port());
    }

    std::string request;

private:
    asio::io_context context_;
    tcp::acceptor acceptor_{context_, {asio::ip::address_v4::loopback(), 0}};
    std::thread thread_;
};

config::Config config_with(const std::string& api, const std::string& more = {}) {
    return config::parse("profile: mycelium\nmycelium: {api: \"" + api + "\"}\n" + more);
}

std::string failure(const std::string& answer, const std::string& more = {}) {
    FakeNode node{answer};
    auto config = config_with(node.api(), more);
    try {
        complete_prefix(config, {});
    } catch (const std::exception& error) {
        return error.what();
    }
    return "";
}

bool has(const std::string& text, const char* part) {
    CAPTURE(text);
    return text.find(part) != std::string::npos;
}

} // namespace

TEST_CASE("mycelium: the prefix is made of the subnet that the node tells") {
    FakeNode node{ok(kInfo)};
    auto config = config_with(node.api());
    complete_prefix(config, {});
    CHECK(config.translator.prefix.to_string() == "5c4:c176:bf44:b2ab:0:6464::/96");
    CHECK(config.napt.prefix == config.translator.prefix);
    CHECK_FALSE(config.mycelium.derives_prefix);
}

TEST_CASE("mycelium: a subnet is told as a network or by an address in it") {
    CHECK(parse_node_subnet(kInfo)->to_string() == "5c4:c176:bf44:b2ab::/64");
    CHECK(parse_node_subnet(R"({"nodeSubnet":"5c4:c176:bf44:b2ab:5e7e::1/64"})")->to_string() ==
          "5c4:c176:bf44:b2ab::/64");
}

TEST_CASE("mycelium: an answer that is none is refused with the reason") {
    for (const auto* const answer : {"",
                                     "[]",
                                     "{}",
                                     "{\"nodeSubnet\":7}",
                                     "{\"nodeSubnet\":\"5c4::/64\"",
                                     "{\"nodeSubnet\":\"5c4::/48\"}",
                                     "{\"nodeSubnet\":\"5c4::\"}",
                                     "{\"nodeSubnet\":\"2001:db8::/64\"}",
                                     "{\"nodeSubnet\":\"10.0.0.0/64\"}"}) {
        CAPTURE(std::string{answer});
        CHECK_FALSE(parse_node_subnet(answer));
    }
    // It goes to the log, and anybody may have the port while the node is away.
    CHECK(parse_node_subnet(R"({"nodeSubnet":"x\n<0>forged\u001b[31m"})").error() ==
          R"(its subnet "x?<0>forged?[31m" is no /64 of 400::/7)");
    CHECK(has(failure("HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n"), "status 404"));
    CHECK(has(failure(ok("{}")), "no nodeSubnet"));
    CHECK(has(failure("SSH-2.0-OpenSSH\r\n"), "bad version"));
    CHECK(has(failure(""), "end of stream"));
    CHECK(has(failure(ok(std::string(100'000, ' '))), "body limit"));
}

TEST_CASE("mycelium: where no API is, the message names what to do instead") {
    auto config = config_with("127.0.0.1:1");
    try {
        complete_prefix(config, {});
        FAIL("that port answers");
    } catch (const std::runtime_error& error) {
        CHECK(has(error.what(), "http://127.0.0.1:1/api/v1/admin"));
        CHECK(has(error.what(), "Connection refused"));
        CHECK(has(error.what(), "prefix: {within: SUBNET, suffix: 0:6464}"));
    }
}

TEST_CASE("mycelium: a configured prefix has to lie in the node's subnet, if that is known") {
    CHECK(has(failure(ok(kInfo), "prefix: 5c4:c176:bf44:b2ac:0:6464::/96\n"),
              "does not lie in 5c4:c176:bf44:b2ab::/64"));
    CHECK(failure(ok(kInfo), "prefix: 5c4:c176:bf44:b2ab:0:1::/96\n").empty());
    auto config = config_with("127.0.0.1:1", "prefix: 5c4:c176:bf44:b2ab:0:1::/96\n");
    CHECK_NOTHROW(complete_prefix(config, {})); // with a warning
}

TEST_CASE("mycelium: a node that starts together with us is waited for") {
    // A port of its own that is free again: nobody answers there at first.
    std::string api;
    {
        asio::io_context context;
        const tcp::acceptor taken{context, {asio::ip::address_v4::loopback(), 0}};
        api = "127.0.0.1:" + std::to_string(taken.local_endpoint().port());
    }
    auto config = config_with(api);
    const auto began = std::chrono::steady_clock::now();
    CHECK_THROWS_AS(complete_prefix(config, std::chrono::seconds{1}), std::runtime_error);
    CHECK(std::chrono::steady_clock::now() - began >= std::chrono::seconds{1});
}

} // namespace nat64::daemon
