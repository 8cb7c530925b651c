// SPDX-License-Identifier: Apache-2.0
// Standard error is replaced by a pipe, in a child, because the sink writes to the descriptor.
#include "service/logging.hpp"

#include <functional>
#include <string>

#include <doctest/doctest.h>
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

namespace nat64::service {

namespace {

/// What `body` writes to standard error, which is a pipe of 64 KiB that nobody reads until
/// `body` has returned: a writer that waited would never end.
std::string logged(const std::function<void(int reader)>& body) {
    int ends[2];
    REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
    const int saved = ::dup(STDERR_FILENO);
    ::dup2(ends[1], STDERR_FILENO);
    const auto before = spdlog::default_logger();
    body(ends[0]);
    spdlog::set_default_logger(before);
    ::dup2(saved, STDERR_FILENO);
    ::close(saved);
    ::close(ends[1]);
    std::string text;
    char bytes[4096];
    for (ssize_t got = 0; (got = ::read(ends[0], bytes, sizeof bytes)) > 0;)
        text.append(bytes, static_cast<std::size_t>(got));
    ::close(ends[0]);
    return text;
}

} // namespace

TEST_CASE("logging: under journald a line has a priority and no time") {
    const std::string text = logged([](int) {
        set_up_logging({.level = config::LogLevel::Info}, LogLayout::Journal);
        spdlog::debug("not this");
        spdlog::info("ready");
        spdlog::warn("odd");
        spdlog::error("bad");
        set_log_level(config::LogLevel::Debug);
        spdlog::debug("detail");
    });
    CHECK(text == "<6>ready\n<4>odd\n<3>bad\n<7>detail\n");
}

TEST_CASE("logging: elsewhere a line begins with date and time") {
    const std::string text = logged([](int) {
        set_up_logging({.level = config::LogLevel::Warning}, LogLayout::Timestamps);
        spdlog::info("not this");
        spdlog::warn("odd");
    });
    REQUIRE(text.size() > 24);
    CHECK(text[4] == '-');
    CHECK(text[13] == ':');
    CHECK(text.ends_with(" warning odd\n"));
}

TEST_CASE("logging: what others wrote is no line of its own and no terminal's command") {
    const std::string text = logged([](int) {
        set_up_logging({.level = config::LogLevel::Info}, LogLayout::Journal);
        spdlog::info("a name: {}", "x\n<0>nat64: forged\r\x1b[31m\x7f, größer");
    });
    CHECK(text == "<6>a name: x?<0>nat64: forged??[31m?, größer\n");
}

TEST_CASE("logging: JOURNAL_STREAM must name the stream that standard error is") {
    const std::string ignored = logged([](int) {
        struct ::stat is{};
        REQUIRE(::fstat(STDERR_FILENO, &is) == 0);
        ::setenv("JOURNAL_STREAM", "1:2", 1);
        CHECK(detect_log_layout() == LogLayout::Timestamps);
        const std::string name = std::to_string(is.st_dev) + ":" + std::to_string(is.st_ino);
        ::setenv("JOURNAL_STREAM", name.c_str(), 1);
        CHECK(detect_log_layout() == LogLayout::Journal);
        ::unsetenv("JOURNAL_STREAM");
        CHECK(detect_log_layout() == LogLayout::Timestamps);
    });
}

TEST_CASE("logging: a reader that does not keep up costs lines, not time, and is told so") {
    std::uint64_t lost = 0;
    const std::string text = logged([&](int reader) {
        set_up_logging({.level = config::LogLevel::Info}, LogLayout::Journal);
        const std::string line(1000, 'x');
        for (int i = 0; i < 200; ++i)
            spdlog::info("{}", line);
        char room[32 * 1024];
        REQUIRE(::read(reader, room, sizeof room) > 0);
        lost = log_lines_lost();
        spdlog::info("after");
    });
    CHECK(lost > 0);
    CHECK(text.find(fmt::format("<4>{} lines before this one were lost", lost)) !=
          std::string::npos);
    CHECK(text.find("<6>after\n<4>") != std::string::npos);
    CHECK(text.ends_with(" lines before this one were lost: standard error was full\n"));
}

} // namespace nat64::service
