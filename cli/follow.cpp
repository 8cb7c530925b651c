// SPDX-License-Identifier: Apache-2.0
// A request whose reply has no end, and a thread that ends it: on a signal it shuts the
// connection down, and what has arrived by then is printed like all before it.
#include "cli/follow.hpp"

#include "cli/ask.hpp"
#include "cli/control_client.hpp"
#include "cli/exit_codes.hpp"

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <iostream>
#include <optional>
#include <string_view>
#include <system_error>
#include <thread>

#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/json.hpp>
#include <fmt/format.h>

namespace nat64::cli {

namespace json = boost::json;

namespace {

std::string request_line(const FollowOptions& options) {
    return json::serialize(make_request("follow",
                                        {{"what", options.what},
                                         {"client", options.client},
                                         {"server", options.server},
                                         {"mapped", options.mapped},
                                         {"protocol", options.protocol}}));
}

int fail(std::string_view message) {
    complain(std::cerr, "follow", {}, message);
    return kFailed;
}

/// Hangs up at the first SIGINT or SIGTERM; the second one ends the program as ever.
class HangUp {
public:
    explicit HangUp(ControlClient& client) {
        signals_.async_wait([this, &client](boost::system::error_code ignored, int) {
            if (ignored) return;
            happened_ = true;
            signals_.clear();
            client.hang_up();
        });
        thread_ = std::thread{[this] { context_.run(); }};
    }

    HangUp(const HangUp&) = delete;
    HangUp& operator=(const HangUp&) = delete;

    ~HangUp() {
        context_.stop();
        thread_.join();
    }

    [[nodiscard]] bool happened() const noexcept { return happened_; }

private:
    boost::asio::io_context context_{1};
    boost::asio::signal_set signals_{context_, SIGINT, SIGTERM};
    std::atomic<bool> happened_ = false;
    std::thread thread_;
};

std::string_view text(const json::object& event, std::string_view member) {
    const json::value* value = event.if_contains(member);
    if (value == nullptr || !value->is_string()) return {};
    return {value->get_string().data(), value->get_string().size()};
}

/// "2026-11-21T15:30:00.123Z session_created tcp [2001:db8::5]:40112 as ... to ... traffic"
void print_text(const json::object& event) {
    if (const json::value* lost = event.if_contains("events")) {
        fmt::print("({} events are missing here: they came faster than they were read)\n",
                   lost->to_number<std::uint64_t>());
        return;
    }
    const auto protocol = text(event, "protocol");
    std::string line = fmt::format("{} {:<15} {:<4} {} as {}",
                                   text(event, "time"),
                                   text(event, "event"),
                                   protocol.empty() ? "any" : protocol,
                                   text(event, "client"),
                                   text(event, "mapped"));
    if (const auto server = text(event, "server"); !server.empty())
        line += fmt::format(" to {}", server);
    if (text(event, "event") == "session_changed")
        line += fmt::format(" now {}", text(event, "state"));
    fmt::print("{} ({})\n", line, text(event, "reason"));
}

/// Prints an item, or returns the exit code if the line is the last one.
std::optional<int> take(std::string_view line, bool as_json) {
    const json::value value = json::parse({line.data(), line.size()});
    const json::object& reply = value.as_object();
    const json::value* item = reply.if_contains("item");
    if (item == nullptr) {
        const json::value* error = reply.if_contains("error");
        return fail(error == nullptr ? "the daemon has no more to say"
                                     : error->at("message").as_string().c_str());
    }
    const auto kind = text(item->as_object(), "event");
    if (kind == "alive") return std::nullopt;
    if (as_json)
        fmt::print("{}\n", json::serialize(*item));
    else if (kind != "following")
        print_text(item->as_object());
    return std::nullopt;
}

/// The reader of our output went away, which is quiet, or the disk is full, which is not.
std::optional<int> flush_output() {
    if (std::fflush(stdout) == 0) return std::nullopt;
    if (errno == EPIPE) return kDone;
    return fail(fmt::format("write: {}", std::generic_category().message(errno)));
}

int print_events(ControlClient& client, const HangUp& hang_up, bool as_json) {
    for (;;) {
        if (!client.has_line())
            if (const auto code = flush_output()) return *code;
        const auto line = client.next_line();
        if (!line) break;
        if (const auto code = take(*line, as_json)) return *code;
    }
    if (const auto code = flush_output()) return *code;
    if (hang_up.happened()) return kDone;
    return fail("the daemon hung up");
}

} // namespace

int follow(const FollowOptions& options) {
    const std::string line = request_line(options);
    if (const auto error = wrong_usage(line)) {
        complain(std::cerr, "follow", error->code, error->message);
        return kUsage;
    }
    try {
        ControlClient client{options.socket};
        const HangUp hang_up{client};
        client.send(line);
        return print_events(client, hang_up, options.json);
    } catch (const ControlFailure& failure) {
        return fail(failure.what());
    } catch (const std::system_error& problem) { // of fmt::print
        if (problem.code() == std::errc::broken_pipe) return kDone;
        return fail(fmt::format("write: {}", problem.code().message()));
    } catch (const std::exception& problem) { // a line that is not what the protocol says
        return fail(fmt::format("did not understand the daemon: {}", problem.what()));
    }
}

} // namespace nat64::cli
