// SPDX-License-Identifier: Apache-2.0
// The page as a person sees it, at several sizes.
#include "cli/top_view.hpp"

#include <algorithm>
#include <chrono>
#include <string>
#include <vector>

#include <doctest/doctest.h>

namespace nat64::cli {

namespace {

Sample sample(int second) {
    Sample sample;
    sample.when = Moment{std::chrono::hours{1} + std::chrono::seconds{second}};
    sample.version = "0.1.0";
    sample.napt = "daemon";
    sample.prefix = "64:ff9b::/96";
    sample.pool = "192.0.2.0/28";
    sample.pid = 100;
    sample.uptime = 3600 + second;
    sample.sessions = 12'345;
    sample.bindings = 4211;
    sample.received = 1000 * second;
    sample.dropped = 20 * second;
    sample.pool_addresses = 14;
    for (const char* name : {"tcp", "udp", "icmp"})
        sample.protocols.push_back({.name = name,
                                    .sessions = 4115,
                                    .bindings = 1000,
                                    .sessions_created = 41.0 * second,
                                    .ports = 14.0 * 64512,
                                    .ports_used = 64512,
                                    .outbound = {100.0 * second, 10'000.0 * second},
                                    .inbound = {200.0 * second, 1'000'000.0 * second}});
    for (int i = 1; i < 15; ++i)
        for (const char* name : {"tcp", "udp", "icmp"})
            sample.pools.push_back(
                {"192.0.2." + std::to_string(i), name, 64512, 4608.0 * i, 7});
    for (const char* reason : {"no_binding", "filtered", "client_session_limit"})
        sample.drops.push_back({reason, "what that means", 100.0 * second});
    for (int i = 0; i < 30; ++i)
        sample.clients.push_back(
            {"2001:db8::" + std::to_string(i), 1000.0 - 20 * i, 500.0, 600.0});
    return sample;
}

TopModel busy() {
    TopModel model;
    for (int second = 1; second < 90; ++second)
        model.take(sample(second));
    return model;
}

std::vector<std::string> page(const TopModel& model, const TopLook& look, TopState state = {}) {
    std::vector<std::string> lines;
    for (const Line& line : lay_out(model, state, look))
        lines.push_back(plain(line));
    return lines;
}

bool has(const std::vector<std::string>& lines, const std::string& text) {
    return std::ranges::any_of(
        lines, [&](const auto& line) { return line.find(text) != std::string::npos; });
}

constexpr TopLook kAscii80x24{80, 24, Glyphs::Ascii};

} // namespace

TEST_CASE("top page: at 80x24 everything has its place") {
    const auto lines = page(busy(), kAscii80x24);
    REQUIRE(lines.size() == 24);
    CHECK(lines[0] ==
          "nat64 0.1.0  64:ff9b::/96 > 192.0.2.0/28  up 1h01m                        * live");
    CHECK(lines[2].starts_with("TRAFFIC        packets/s      bit/s       peak  last "));
    CHECK(lines[3].starts_with("IPv6 > IPv4          300    240.0 k    240.0 k  "));
    CHECK(lines[4].starts_with("IPv4 > IPv6          600     24.0 M     24.0 M  "));
    CHECK(lines[5].starts_with("new sessions       123/s"));
    CHECK(lines[7] ==
          "SESSIONS          12,345   tcp 4,115   udp 4,115   icmp 4,115   bindings 4,211");
    CHECK(has(lines, "all 14           #........   7.1%  #"));
    CHECK(has(lines, "192.0.2.14       ######### 100.0%  #"));
    CHECK(has(lines, "no_binding                    100         8,900  what that means"));
    CHECK(has(lines, "2001:db8::0"));
    CHECK(
        lines[23].starts_with("q quit   s sort: sessions   p pause   +/- every 1 s   h help"));
}

TEST_CASE("top page: fits whatever the terminal is") {
    const auto model = busy();
    for (const std::size_t width : {1U, 20U, 40U, 60U, 79U, 81U, 120U, 300U})
        for (const std::size_t height : {1U, 5U, 10U, 12U, 16U, 24U, 33U, 50U, 120U})
            for (const auto glyphs : {Glyphs::Ascii, Glyphs::Unicode}) {
                CAPTURE(width);
                CAPTURE(height);
                const auto lines = lay_out(model, {}, {width, height, glyphs});
                CHECK(lines.size() <= height);
                for (const Line& line : lines)
                    CHECK(cells(plain(line)) <= width);
            }
    CHECK(page(model, {30, 24, Glyphs::Ascii}) == std::vector<std::string>{"at least 40x10"});
}

TEST_CASE("top page: a larger terminal shows more of each") {
    const auto model = busy();
    CHECK_FALSE(has(page(model, kAscii80x24), "2001:db8::12 "));
    const auto large = page(model, {150, 60, Glyphs::Unicode});
    CHECK(has(large, "2001:db8::12 "));
    CHECK(has(large, "192.0.2.1 "));
    CHECK(has(large, "IPv6 → IPv4"));
    CHECK(has(large, "⣿⣿⣿"));
}

TEST_CASE("top page: ASCII is ASCII") {
    for (const auto& line : page(busy(), kAscii80x24))
        CHECK(std::ranges::none_of(line, [](char c) { return (c & 0x80) != 0; }));
}

TEST_CASE("top page: kernel NAPT shows what it can run out of") {
    TopModel model;
    for (int second = 1; second < 3; ++second) {
        auto next = sample(second);
        next.napt = "kernel";
        next.pools = {{"100.64.0.0/16", "any", 65533, 6553, 6553}};
        next.conntrack = ConntrackUse{131'072, 262'144};
        next.clients = {{"2001:db8::5", 7, {}, {}}};
        model.take(std::move(next));
    }
    const auto lines = page(model, kAscii80x24);
    CHECK(has(lines, "> own address"));
    CHECK(has(lines, "inner pool 100.64.0.0/16"));
    CHECK(has(lines, "10.0%  6,553 of 65,533 clients"));
    CHECK(has(lines, "50.0%  131,072 of 262,144 flows"));
    CHECK(has(lines, "new clients"));
    CHECK(has(lines, "2001:db8::5                                      7         -         -"));
}

TEST_CASE("top page: no daemon yet, a lost one, paused, help") {
    TopModel model;
    model.lose("no daemon is running");
    auto lines = page(model, kAscii80x24);
    CHECK(lines[0].ends_with("* no daemon"));
    CHECK(lines[1] == "no daemon is running; trying again");
    CHECK(lines.size() == 24);
    CHECK(lines[23].starts_with("q quit"));

    model = busy();
    model.lose("the daemon hung up");
    lines = page(model, kAscii80x24);
    CHECK(lines[0].ends_with("* daemon lost"));
    CHECK(lines[1] == "the daemon hung up; trying again");
    CHECK(has(lines, "SESSIONS"));

    CHECK(page(busy(), kAscii80x24, {.paused = true})[0].ends_with("* paused"));
    lines = page(busy(), kAscii80x24, {.help = true});
    CHECK(has(lines, "  q           quit"));
    CHECK(lines[23].find("h back") != std::string::npos);
}

TEST_CASE("top page: nothing dropped and nobody there is said") {
    TopModel model;
    auto quiet = sample(1);
    quiet.drops.clear();
    quiet.clients.clear();
    model.take(std::move(quiet));
    const auto lines = page(model, kAscii80x24);
    CHECK(std::ranges::count(lines, "none") == 2);
    CHECK(has(lines, "IPv6 > IPv4            -          -          -"));
}

} // namespace nat64::cli
