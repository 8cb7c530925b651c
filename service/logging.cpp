// SPDX-License-Identifier: Apache-2.0
// The sink that never waits, the two layouts, and the levels.
#include "service/logging.hpp"

#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <ctime>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>

#include <boost/json/serialize.hpp>
#include <boost/json/string_view.hpp>
#include <fmt/format.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/base_sink.h>
#include <spdlog/spdlog.h>

#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

namespace nat64::service {

namespace {

spdlog::level::level_enum to_spdlog(config::LogLevel level) {
    switch (level) {
    case config::LogLevel::Trace:
        return spdlog::level::trace;
    case config::LogLevel::Debug:
        return spdlog::level::debug;
    case config::LogLevel::Info:
        return spdlog::level::info;
    case config::LogLevel::Warning:
        return spdlog::level::warn;
    case config::LogLevel::Error:
        return spdlog::level::err;
    }
    return spdlog::level::info;
}

/// "%*" in a pattern: the priority prefix of sd-daemon(3).
class SyslogPriority final : public spdlog::custom_flag_formatter {
public:
    void format(const spdlog::details::log_msg& message,
                const std::tm&,
                spdlog::memory_buf_t& out) override {
        const std::string_view prefix = priority(message.level);
        out.append(prefix.data(), prefix.data() + prefix.size());
    }

    [[nodiscard]] std::unique_ptr<custom_flag_formatter> clone() const override {
        return std::make_unique<SyslogPriority>();
    }

private:
    static std::string_view priority(spdlog::level::level_enum level) {
        if (level >= spdlog::level::critical) return "<2>";
        if (level == spdlog::level::err) return "<3>";
        if (level == spdlog::level::warn) return "<4>";
        if (level == spdlog::level::info) return "<6>";
        return "<7>";
    }
};

/// "%_" in a pattern: what is said, in one line whatever it is. Parts of it may come from
/// others, and a line of theirs would pass for one of ours.
class OneLine final : public spdlog::custom_flag_formatter {
public:
    void format(const spdlog::details::log_msg& message,
                const std::tm&,
                spdlog::memory_buf_t& out) override {
        const auto is_control = [](char c) { return (c >= 0 && c < ' ') || c == 0x7f; };
        for (const char c : message.payload)
            out.push_back(is_control(c) ? '?' : c);
    }

    [[nodiscard]] std::unique_ptr<custom_flag_formatter> clone() const override {
        return std::make_unique<OneLine>();
    }
};

/// "%j" in a pattern: what is said, as members of a JSON object.
class JsonMembers final : public spdlog::custom_flag_formatter {
public:
    void format(const spdlog::details::log_msg& message,
                const std::tm&,
                spdlog::memory_buf_t& out) override {
        const std::string_view text{message.payload.data(), message.payload.size()};
        const std::string_view logger{message.logger_name.data(), message.logger_name.size()};
        const std::string members =
            logger == kEventLogger
                ? std::string{text}
                : fmt::format(R"("message":{})",
                              boost::json::serialize(boost::json::string_view{text}));
        out.append(members.data(), members.data() + members.size());
    }

    [[nodiscard]] std::unique_ptr<custom_flag_formatter> clone() const override {
        return std::make_unique<JsonMembers>();
    }
};

std::unique_ptr<spdlog::formatter> make_formatter(config::LogFormat format, LogLayout layout) {
    const bool json = format == config::LogFormat::Json;
    std::string pattern = layout == LogLayout::Journal ? "%*" : "";
    if (json)
        pattern += R"({"time":"%Y-%m-%dT%H:%M:%S.%eZ","level":"%l",%j})";
    else
        pattern += layout == LogLayout::Journal ? "%_" : "%Y-%m-%d %H:%M:%S.%e %-7l %_";
    auto formatter = std::make_unique<spdlog::pattern_formatter>(
        json ? spdlog::pattern_time_type::utc : spdlog::pattern_time_type::local);
    formatter->add_flag<SyslogPriority>('*')
        .add_flag<OneLine>('_')
        .add_flag<JsonMembers>('j')
        .set_pattern(pattern);
    return formatter;
}

/// Writes a line only if standard error takes it without waiting. poll() promises room for
/// PIPE_BUF bytes, which is more than a line has.
class StderrSink final : public spdlog::sinks::base_sink<std::mutex> {
public:
    [[nodiscard]] std::uint64_t lost() const noexcept { return lost_; }

protected:
    void sink_it_(const spdlog::details::log_msg& message) override {
        pollfd fd{.fd = STDERR_FILENO, .events = POLLOUT, .revents = 0};
        if (::poll(&fd, 1, 0) != 1 || (fd.revents & POLLOUT) == 0) {
            ++lost_;
            return;
        }
        spdlog::memory_buf_t line;
        formatter_->format(message, line);
        if (lost_ != told_) {
            const std::string text =
                fmt::format("{} lines before this one were lost: standard error was full",
                            lost_ - std::exchange(told_, lost_));
            formatter_->format({"nat64", spdlog::level::warn, text}, line);
        }
        if (::write(STDERR_FILENO, line.data(), line.size()) < 0) ++lost_;
    }

    void flush_() override {}

private:
    std::atomic<std::uint64_t> lost_ = 0;
    std::uint64_t told_ = 0;
};

} // namespace

LogLayout detect_log_layout() {
    // NOLINTNEXTLINE(concurrency-mt-unsafe): before any thread
    const char* stream = std::getenv("JOURNAL_STREAM");
    struct ::stat is{};
    if (stream == nullptr || ::fstat(STDERR_FILENO, &is) != 0) return LogLayout::Timestamps;
    return fmt::format("{}:{}", is.st_dev, is.st_ino) == stream ? LogLayout::Journal
                                                                : LogLayout::Timestamps;
}

void set_up_logging(const config::Log& settings, LogLayout layout) {
    auto logger = std::make_shared<spdlog::logger>("nat64", std::make_shared<StderrSink>());
    logger->set_formatter(make_formatter(settings.format, layout));
    logger->set_level(to_spdlog(settings.level));
    spdlog::set_default_logger(std::move(logger));
}

std::uint64_t log_lines_lost() {
    const auto& sinks = spdlog::default_logger()->sinks();
    const auto* const sink =
        sinks.empty() ? nullptr : dynamic_cast<const StderrSink*>(sinks.front().get());
    return sink == nullptr ? 0 : sink->lost();
}

void set_log_level(config::LogLevel level) {
    spdlog::default_logger()->set_level(to_spdlog(level));
}

} // namespace nat64::service
