// SPDX-License-Identifier: Apache-2.0
// Reading and writing captures, and captures that are not right.
#include "cli/capture_reader.hpp"
#include "cli/capture_writer.hpp"
#include "tests/cli/capture_file.hpp"

#include <chrono>
#include <string>

#include <doctest/doctest.h>

using namespace nat64;
using namespace nat64::cli;
using namespace std::chrono_literals;
using test::CapturedFrame;

namespace {

/// What reading the whole file throws, or "".
std::string read_error(const std::filesystem::path& file) {
    try {
        CaptureReader reader{file};
        while (reader.next()) {
        }
        return {};
    } catch (const CaptureError& error) {
        return error.what();
    }
}

/// A pcapng file with one Ethernet interface and one IPv6 frame at second 5: Section Header,
/// Interface Description, Enhanced Packet (https://www.ietf.org/archive/id/
/// draft-ietf-opsawg-pcapng), little-endian, microseconds.
std::string pcapng() {
    const auto bytes =
        test::unhex("0a0d0d0a 1c000000 4d3c2b1a 0100 0000 ffffffffffffffff 1c000000"
                    "01000000 14000000 0100 0000 00000400 14000000"
                    "06000000 30000000 00000000 00000000 404b4c00 10000000 10000000"
                    "020000000001 020000000002 86dd 6000 30000000");
    std::string text;
    for (const auto byte : bytes)
        text += static_cast<char>(byte);
    return text;
}

} // namespace

TEST_CASE("capture: frames come with their kind, their time and their packet") {
    const test::ScratchDir dir;
    const auto ip = test::pattern(40, 0x60);
    auto ethernet = test::unhex("020000000001 020000000002 86dd");
    test::append(ethernet, ip);
    test::write_capture(dir / "in",
                        {{1s + 123456789ns, ethernet, std::nullopt},
                         {2s, test::unhex("020000000001 020000000002 0806 0001"), std::nullopt},
                         {1500ms, ethernet, 1000}},
                        DLT_EN10MB);
    CaptureReader reader{dir / "in"};
    const auto first = reader.next();
    REQUIRE(first);
    CHECK(first->kind == FrameKind::Ip);
    CHECK(first->time == 1s + 123456789ns);
    CHECK(test::hex(first->ip_packet) == test::hex(ip));
    const auto second = reader.next();
    REQUIRE(second);
    CHECK(second->kind == FrameKind::NotIp);
    const auto third = reader.next();
    REQUIRE(third);
    CHECK(third->kind == FrameKind::Truncated);
    CHECK(third->time == 1500ms);
    CHECK_FALSE(reader.next());
    CHECK(reader.count() == 3);
    CHECK(reader.progress() == 1.0);
}

TEST_CASE("capture: pcapng is read like pcap") {
    const test::ScratchDir dir;
    test::write_text(dir / "in", pcapng());
    CaptureReader reader{dir / "in"};
    const auto frame = reader.next();
    REQUIRE(frame);
    CHECK(frame->kind == FrameKind::Ip);
    CHECK(frame->time == 5s);
    CHECK(test::hex(frame->ip_packet) == "60 00");
    CHECK_FALSE(reader.next());
}

TEST_CASE("capture: what is written has link type RAW and whole nanoseconds") {
    const test::ScratchDir dir;
    const auto packet = test::pattern(100);
    const auto largest = test::pattern(65535);
    CaptureWriter writer{dir / "out"};
    writer.write(packet, 1'700'000'000s + 1ns);
    writer.write(largest, 1'700'000'001s);
    writer.finish();
    CHECK(writer.count() == 2);
    const auto read = test::read_capture(dir / "out");
    CHECK(read.link_type == DLT_RAW);
    REQUIRE(read.frames.size() == 2);
    CHECK(read.frames[0] == CapturedFrame{1'700'000'000s + 1ns, packet, {}});
    CHECK(read.frames[1] == CapturedFrame{1'700'000'001s, largest, {}});
}

TEST_CASE("capture: files that are no captures are refused with what they should be") {
    const test::ScratchDir dir;
    test::write_text(dir / "empty", "");
    test::write_text(dir / "text", "This is a text file and not a capture of packets.\n");
    test::write_capture(dir / "wifi", {}, DLT_IEEE802_11);
    CHECK(read_error(dir / "none").find("No such file") != std::string::npos);
    CHECK(read_error(dir / "empty").find("pcap or pcapng") != std::string::npos);
    CHECK(read_error(dir / "text").find("pcap or pcapng") != std::string::npos);
    CHECK(read_error(dir / ".").find("is a directory") != std::string::npos);
    const auto wifi = read_error(dir / "wifi");
    CHECK(wifi.find("link type IEEE802_11 is not supported") != std::string::npos);
    CHECK(wifi.find("EN10MB (Ethernet)") != std::string::npos);
}

TEST_CASE("capture: a file that ends early says at which packet") {
    const test::ScratchDir dir;
    test::write_capture(dir / "whole",
                        {{1s, test::pattern(60), {}}, {2s, test::pattern(60), {}}});
    const auto whole = test::read_text(dir / "whole");
    test::write_text(dir / "cut", whole.substr(0, whole.size() - 10));
    CHECK(read_error(dir / "cut").find("packet 2: ") != std::string::npos);
    test::write_text(dir / "cut", whole.substr(0, 24 + 16 + 60 + 7));
    CHECK(read_error(dir / "cut").find("packet 2: ") != std::string::npos);
}

TEST_CASE("capture: no byte of a file, whatever its value, does more than fail") {
    const test::ScratchDir dir;
    test::write_capture(dir / "pcap",
                        {{1s, test::pattern(60), {}}, {2s, test::pattern(60), {}}});
    for (const auto& whole : {test::read_text(dir / "pcap"), pcapng()}) {
        for (std::size_t at = 0; at < whole.size(); ++at) {
            for (const auto value : {0x00, 0x7f, 0xff}) {
                auto text = whole;
                text[at] = static_cast<char>(value);
                test::write_text(dir / "in", text);
                CHECK_NOTHROW((void)read_error(dir / "in"));
            }
        }
    }
}

TEST_CASE("capture: a place that cannot be written is named") {
    try {
        CaptureWriter writer{"/nonexistent/out.pcap"};
        FAIL("opened");
    } catch (const CaptureError& error) {
        CHECK(std::string{error.what()}.find("/nonexistent/out.pcap") != std::string::npos);
    }
    CaptureWriter full{"/dev/full"};
    full.write(test::pattern(60), 1s);
    CHECK_THROWS_AS(full.finish(), CaptureError);
}
