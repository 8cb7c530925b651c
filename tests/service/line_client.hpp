// SPDX-License-Identifier: Apache-2.0
// A plain client of a Unix socket for tests, well-behaved or not: connects, sends bytes, reads
// lines, half-closes, stops reading.
#pragma once

#include "platform/unique_fd.hpp"

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace nat64::test {

class LineClient {
public:
    /// Throws std::system_error.
    explicit LineClient(const std::filesystem::path& socket);

    /// false if the other end is gone.
    bool send(std::string_view bytes);
    /// No more from us.
    void half_close();
    /// The next line without its end; nullopt at the end of the stream. Waits.
    std::optional<std::string> line();
    /// Lines up to and including the one that ends a reply, or the end of the stream.
    std::vector<std::string> reply();
    /// Sends the request and reads its reply.
    std::vector<std::string> ask(std::string_view request);
    /// Waits until the other end has hung up, without reading. false after ten seconds.
    bool hung_up();

private:
    platform::UniqueFd fd_;
    std::string buffer_;
};

/// {"v":1,"id":7,"verb":"show","what":"WHAT"EXTRA}
[[nodiscard]] std::string show_request(std::string_view what, std::string_view extra = "");

} // namespace nat64::test
