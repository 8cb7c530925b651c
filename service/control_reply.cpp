// SPDX-License-Identifier: Apache-2.0
// The three kinds of reply line: item, done, done with an error.
#include "service/control_reply.hpp"

#include <iterator>

#include <boost/json/serialize.hpp>
#include <fmt/format.h>

namespace nat64::service {

void Reply::item(std::string_view json) {
    fmt::format_to(std::back_inserter(lines_), "{{\"id\":{},\"item\":{}}}\n", id_, json);
}

boost::asio::awaitable<void> Reply::flush() {
    if (lines_.empty()) co_return;
    co_await writer_.write(lines_);
    lines_.clear();
}

boost::asio::awaitable<void> Reply::done(std::optional<std::string> cursor) {
    lines_ += fmt::format(R"({{"id":{},"done":true)", id_);
    if (cursor) lines_ += fmt::format(R"(,"cursor":{})", boost::json::serialize(*cursor));
    lines_ += "}\n";
    co_await flush();
}

boost::asio::awaitable<void> Reply::failed(ControlError error) {
    lines_ += error_line(id_, error);
    co_await flush();
}

std::string error_line(std::string_view id, const ControlError& error) {
    return fmt::format(
        "{{\"id\":{},\"done\":true,\"error\":{{\"code\":\"{}\",\"message\":{}}}}}\n",
        id,
        error.code,
        boost::json::serialize(boost::json::string_view{error.message}));
}

} // namespace nat64::service
