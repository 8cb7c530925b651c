// SPDX-License-Identifier: Apache-2.0
// From options to a request, which the protocol's own rules check before anybody is asked, and
// from reply lines to a printer.
#include "cli/show.hpp"

#include "cli/ask.hpp"
#include "cli/control_client.hpp"
#include "cli/exit_codes.hpp"
#include "cli/show_printer.hpp"
#include "service/control_request.hpp"

#include <cerrno>
#include <exception>
#include <iostream>
#include <string_view>
#include <system_error>

#include <boost/json.hpp>
#include <fmt/format.h>
#include <fmt/ostream.h>

namespace nat64::cli {

namespace json = boost::json;

namespace {

/// What an item line begins with: we chose the id, and the protocol fixes the order.
constexpr std::string_view kItemStart = R"({"id":1,"item":)";

std::string request_line(const ShowOptions& options) {
    auto request = make_request("show",
                                {{"what", options.what},
                                 {"client", options.client},
                                 {"server", options.server},
                                 {"mapped", options.mapped},
                                 {"protocol", options.protocol},
                                 {"sort", options.sort}});
    if (options.limit) request["limit"] = *options.limit;
    if (options.count) request["count"] = true;
    if (options.all) request["all"] = true;
    return json::serialize(request);
}

/// A reply line that is no item of the usual form: an item of another form, or the end.
/// Returns the exit code at the end.
std::optional<int> other_line(std::string_view line, Printer& printer, std::ostream& err) {
    const json::value value = json::parse(line);
    const json::object& reply = value.as_object();
    if (const json::value* item = reply.if_contains("item")) {
        printer.item(json::serialize(*item));
        return std::nullopt;
    }
    const json::value* error = reply.if_contains("error");
    if (error == nullptr) {
        printer.done(reply.contains("cursor"));
        return kDone;
    }
    printer.failed(json::serialize(*error));
    const json::string& code = error->at("code").as_string();
    const json::string& message = error->at("message").as_string();
    complain(err, "show", code.c_str(), message.c_str());
    return kFailed;
}

/// The reader of our output went away, which is quiet, or the disk is full, which is not.
int output_failed(int error, std::ostream& err) {
    if (error == EPIPE) return kDone;
    fmt::print(err, "nat64 show: write: {}\n", std::generic_category().message(error));
    return kFailed;
}

int print_reply(ControlClient& client, Printer& printer, std::ostream& out, std::ostream& err) {
    std::optional<int> code;
    while (!code) {
        const auto line = client.next_line();
        if (!line) throw ControlFailure{"the daemon hung up before its answer was complete"};
        if (line->starts_with(kItemStart) && line->ends_with('}'))
            printer.item(line->substr(kItemStart.size(), line->size() - kItemStart.size() - 1));
        else
            code = other_line(*line, printer, err);
        if (!out) return output_failed(errno, err);
    }
    if (!out.flush()) return output_failed(errno, err);
    return *code;
}

} // namespace

int show(const ShowOptions& options) {
    return show(options, std::cout, std::cerr);
}

int show(const ShowOptions& options, std::ostream& out, std::ostream& err) {
    const std::string line = request_line(options);
    if (const auto error = wrong_usage(line)) {
        complain(err, "show", error->code, error->message);
        return kUsage;
    }
    const std::unique_ptr<Printer> printer = make_printer(options, out);
    try {
        ControlClient client{options.socket};
        client.send(line);
        return print_reply(client, *printer, out, err);
    } catch (const ControlFailure& failure) {
        printer->failed(json::serialize(
            json::object{{"code", "disconnected"}, {"message", failure.what()}}));
        complain(err, "show", "disconnected", failure.what());
    } catch (const std::exception& problem) { // a line that is not what the protocol says
        printer->failed(json::serialize(
            json::object{{"code", "not_understood"}, {"message", problem.what()}}));
        complain(err,
                 "show",
                 "not_understood",
                 fmt::format("did not understand the daemon: {}", problem.what()));
    }
    out.flush();
    return kFailed;
}

} // namespace nat64::cli
