// SPDX-License-Identifier: Apache-2.0
// `nat64 explain` as a person and a program meet it: asked of a daemon, asked of a
// configuration, asked wrongly.
#include "cli/explain.hpp"
#include "cli/usage_error.hpp"
#include "config/load.hpp"
#include "tests/service/fake_daemon.hpp"

#include <sstream>
#include <string>

#include <boost/json.hpp>
#include <doctest/doctest.h>

namespace nat64::cli {

namespace {

struct Answer {
    int code = -1;
    std::string out;
    std::string err;
};

Answer ask(const ExplainOptions& options, const std::string& yaml = "pool: [8.8.8.0/28]\n") {
    std::ostringstream out;
    std::ostringstream err;
    const auto code = explain(options, [&] { return config::parse(yaml); }, out, err);
    return {code, out.str(), err.str()};
}

ExplainOptions offline(const char* to) {
    ExplainOptions options;
    options.address = to;
    options.offline = true;
    return options;
}

bool has(const std::string& text, const char* part) {
    return text.find(part) != std::string::npos;
}

} // namespace

TEST_CASE("nat64 explain: a daemon's answer, as a table") {
    test::FakeDaemon daemon;
    ExplainOptions options;
    options.socket = daemon.socket();
    options.from = "2001:db8::5";
    options.to = "64:ff9b::c000:201";
    const auto answer = ask(options);
    CAPTURE(answer.out);
    CHECK(answer.code == 0);
    CHECK(answer.err.empty());
    CHECK(answer.out.starts_with("2001:db8::5 -> 64:ff9b::c000:201, tcp port 443\n\nSTEP"));
    CHECK(has(answer.out, "refused: non_global_ipv4 ("));
    CHECK(has(answer.out, "\nanswer: ICMPv6 type 1 code 1 (administratively prohibited)\n"));
    CHECK(has(answer.out, "\nremedy: use a network-specific prefix"));
}

TEST_CASE("nat64 explain: without a daemon the configuration answers, and says so") {
    ExplainOptions options;
    options.socket = "/nonexistent/nat64.sock";
    options.address = "64:ff9b::808:808";
    options.json = true;
    const auto answer = ask(options);
    CHECK(answer.code == 0);
    CHECK(has(answer.err, "no daemon is running"));
    CHECK(has(answer.err, "as the configuration has it"));
    const auto item = boost::json::parse(answer.out).as_object();
    CHECK(item.at("verdict").as_string() == "translated");
    CHECK(item.at("server").as_string() == "8.8.8.8");
}

TEST_CASE("nat64 explain: of a configuration, with its statics and its rules") {
    const std::string yaml =
        "pool: [8.8.8.0/28]\n"
        "static: [{protocol: tcp, ipv6: \"[2001:db8::5]:80\", ipv4: \"8.8.8.2:8080\"}]\n"
        "destinations: {deny: [{prefix: 0.0.0.0/0, protocol: tcp, ports: 25}]}\n";
    auto options = offline("8.8.8.2");
    options.port = 8080;
    auto answer = ask(options, yaml);
    CHECK(has(answer.out, "[2001:db8::5]:80 is 8.8.8.2:8080"));
    CHECK(has(answer.out, "\ntranslated\n"));
    options.port = 8081;
    options.protocol = "udp";
    answer = ask(options, yaml);
    CHECK(has(answer.out, "refused: no_binding"));
    CHECK(has(answer.out, "answer: ICMPv4 type 3 code 3"));
    options = offline("9.9.9.9");
    options.port = 25;
    CHECK(has(ask(options, yaml).out, "destinations.deny[0], {prefix: 0.0.0.0/0"));
    options.protocol = "udp";
    CHECK(has(ask(options, yaml).out, "\ntranslated\n"));
}

TEST_CASE("nat64 explain: this machine's own addresses are known without a daemon") {
    const auto answer =
        ask(offline("127.0.0.1"), "prefix: 2001:db8:64::/96\npool: [192.0.2.0/28]\n");
    CHECK(has(answer.out, "refused: illegal_destination"));
}

TEST_CASE("nat64 explain: a wrong question is refused before anybody is asked") {
    const auto refusal = [](const ExplainOptions& options) -> std::string {
        try {
            (void)ask(options);
        } catch (const UsageError& error) {
            return error.what();
        }
        return "none";
    };
    CHECK(has(refusal({}), "give either ADDRESS or --to ADDRESS"));
    auto options = offline("64:ff9b::1");
    options.to = "64:ff9b::2";
    CHECK(has(refusal(options), "give either ADDRESS or --to ADDRESS"));
    CHECK(has(refusal(offline("example.org")), "--to must be an IPv4 or IPv6 address"));
    options = offline("64:ff9b::1");
    options.protocol = "sctp";
    CHECK(has(refusal(options), "--protocol must be"));
    options = offline("64:ff9b::1");
    options.from = "192.0.2.1";
    CHECK(has(refusal(options), "goes to an IPv4 address"));
}

} // namespace nat64::cli
