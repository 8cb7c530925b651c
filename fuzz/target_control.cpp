// SPDX-License-Identifier: Apache-2.0
// Lines of the control socket: a request or an error with a code and a message; either answer
// repeats an id that is JSON on one line, and quotes nothing unprintable.
#include "fuzz/targets.hpp"
#include "service/control_commands.hpp"
#include "service/control_reply.hpp"
#include "service/control_request.hpp"
#include "service/in_quotes.hpp"
#include "tests/oracle/expect.hpp"

#include <algorithm>
#include <string>

#include <boost/json/parse.hpp>

namespace nat64::fuzz {

namespace {

using oracle::expect;

void check_error(const std::string& id, const service::ControlError& error) {
    expect(!error.code.empty() && !error.message.empty(), "an error says something");
    const auto line = service::error_line(id, error);
    expect(line.ends_with('\n') && std::ranges::count(line, '\n') == 1, "one line");
    boost::system::error_code failure;
    boost::json::parse(line, failure);
    expect(!failure, "an error line is JSON");
}

} // namespace

void control(View input) {
    std::string line;
    for (const auto byte : input)
        line += static_cast<char>(byte);
    const auto request = service::parse_request(line);
    if (!request) {
        check_error(request.error().id, request.error().error);
        return;
    }
    const auto command = service::find_command(*request);
    if (!command) check_error(request->id, command.error());
    (void)service::in_quotes(line);
}

} // namespace nat64::fuzz
