// SPDX-License-Identifier: Apache-2.0
#include "daemon/inner_places.hpp"

#include <filesystem>
#include <fstream>
#include <string>

#include <doctest/doctest.h>

#include <unistd.h>

namespace nat64::daemon {

namespace {

Secret of(const std::string& content) {
    const auto path = std::filesystem::temp_directory_path() /
                      ("nat64-machine-id." + std::to_string(::getpid()));
    std::ofstream{path} << content;
    const auto secret = inner_places(path);
    std::filesystem::remove(path);
    return secret;
}

} // namespace

TEST_CASE("inner addresses: where clients prefer to be hangs on the machine and nothing else") {
    const auto one = of("0123456789abcdef0123456789abcdef\n");
    CHECK(one == of("0123456789abcdef0123456789abcdef\n"));
    CHECK(one != of("0123456789abcdef0123456789abcdee\n"));
    CHECK(one[0] != one[1]);
    const auto without = inner_places("/nonexistent/machine-id");
    CHECK(without == of(""));
    CHECK(without != one);
    CHECK(inner_places("/") == without);
    CHECK(of(std::string(1 << 20, 'x')) == of(std::string(32, 'x')));
}

} // namespace nat64::daemon
