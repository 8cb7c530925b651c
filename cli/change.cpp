// SPDX-License-Identifier: Apache-2.0
// Replies are short, so they are collected whole and printed at the end.
#include "cli/change.hpp"

#include "cli/ask.hpp"
#include "cli/control_client.hpp"
#include "cli/exit_codes.hpp"

#include <cerrno>
#include <cstdint>
#include <exception>
#include <iostream>
#include <optional>
#include <string_view>
#include <system_error>

#include <boost/json.hpp>
#include <fmt/format.h>
#include <fmt/ostream.h>

namespace nat64::cli {

namespace json = boost::json;

namespace {

struct Answer {
    json::array items{};
    std::optional<json::object> error{};
};

std::string request_line(const std::string& verb, const ChangeOptions& options) {
    auto request = make_request(verb,
                                {{"client", options.client},
                                 {"server", options.server},
                                 {"mapped", options.mapped},
                                 {"protocol", options.protocol},
                                 {"level", options.level}});
    if (options.all) request["all"] = true;
    return json::serialize(request);
}

Answer ask(const std::filesystem::path& socket, const std::string& line) {
    ControlClient client{socket};
    client.send(line);
    Answer answer;
    for (;;) {
        const auto reply = client.next_line();
        if (!reply) throw ControlFailure{"the daemon hung up before its answer was complete"};
        const json::value value = json::parse(*reply);
        if (const auto* item = value.as_object().if_contains("item")) {
            answer.items.push_back(*item);
            continue;
        }
        if (const auto* error = value.as_object().if_contains("error"))
            answer.error = error->as_object();
        return answer;
    }
}

/// {"changes":[...]} for a reload, else the one item; with an error both have it as a member.
json::object document(const std::string& verb, const Answer& answer) {
    json::object document;
    if (verb == "reload")
        document["changes"] = answer.items;
    else if (!answer.items.empty())
        document = answer.items.front().as_object();
    if (answer.error) document["error"] = *answer.error;
    return document;
}

std::uint64_t number(const json::object& item, const char* name) {
    return json::value_to<std::uint64_t>(item.at(name));
}

std::string counted(std::uint64_t count, std::string_view noun) {
    return fmt::format("{} {}{}", count, noun, count == 1 ? "" : "s");
}

void print_reload(const json::array& changes, std::ostream& out) {
    if (changes.empty()) out << "nothing has changed\n";
    for (const auto& change : changes)
        fmt::print(out,
                   "{}: {} -> {}\n",
                   change.at("key").as_string().c_str(),
                   change.at("before").as_string().c_str(),
                   change.at("after").as_string().c_str());
}

void print(const std::string& verb, const json::array& items, std::ostream& out) {
    if (verb == "reload") return print_reload(items, out);
    const auto& item = items.at(0).as_object();
    if (verb == "flush")
        fmt::print(out,
                   "{} and {} ended\n",
                   counted(number(item, "sessions"), "session"),
                   counted(number(item, "bindings"), "binding"));
    else
        fmt::print(out,
                   "log level: {}, until the next reload or restart\n",
                   item.at("level").as_string().c_str());
}

int report(const std::string& verb,
           const ChangeOptions& options,
           const Answer& answer,
           std::ostream& out,
           std::ostream& err) {
    if (options.json)
        out << json::serialize(document(verb, answer)) << '\n';
    else if (!answer.error)
        print(verb, answer.items, out);
    if (answer.error)
        complain(err,
                 verb,
                 answer.error->at("code").as_string().c_str(),
                 answer.error->at("message").as_string().c_str());
    if (!out.flush() && errno != EPIPE)
        fmt::print(err, "nat64 {}: write: {}\n", verb, std::generic_category().message(errno));
    return answer.error || !out ? kFailed : kDone;
}

/// A slip that would end every session of everybody is not to be guessed at.
std::optional<std::string> doubt(const std::string& verb, const ChangeOptions& options) {
    if (verb != "flush") return std::nullopt;
    const bool filtered = !options.client.empty() || !options.server.empty() ||
                          !options.mapped.empty() || !options.protocol.empty();
    if (filtered == options.all)
        return "say which sessions to end: --client, --server, --mapped, --protocol, or --all "
               "alone";
    return std::nullopt;
}

} // namespace

int change(const std::string& verb, const ChangeOptions& options) {
    return change(verb, options, std::cout, std::cerr);
}

int change(const std::string& verb,
           const ChangeOptions& options,
           std::ostream& out,
           std::ostream& err) {
    const auto line = request_line(verb, options);
    if (const auto wrong = doubt(verb, options)) {
        complain(err, verb, {}, *wrong);
        return kUsage;
    }
    if (const auto error = wrong_usage(line)) {
        complain(err, verb, error->code, error->message);
        return kUsage;
    }
    Answer answer;
    try {
        answer = ask(options.socket, line);
    } catch (const ControlFailure& failure) {
        answer.error = {{"code", "disconnected"}, {"message", failure.what()}};
    } catch (const std::exception& problem) { // a line that is not what the protocol says
        answer.error = {
            {"code", "not_understood"},
            {"message", fmt::format("did not understand the daemon: {}", problem.what())}};
    }
    return report(verb, options, answer, out, err);
}

} // namespace nat64::cli
