// SPDX-License-Identifier: Apache-2.0
// UniqueFd: who closes, and when.
#include "platform/unique_fd.hpp"

#include <doctest/doctest.h>

#include <fcntl.h>

namespace nat64::platform {

namespace {

bool is_open(int fd) {
    return ::fcntl(fd, F_GETFD) != -1;
}

UniqueFd open_null() {
    return {adopt, ::open("/dev/null", O_RDWR | O_CLOEXEC)};
}

} // namespace

TEST_CASE("UniqueFd: the descriptor is closed at the end of its owner's life") {
    int raw = -1;
    {
        const UniqueFd fd = open_null();
        raw = fd.get();
        CHECK(is_open(raw));
    }
    CHECK_FALSE(is_open(raw));
}

TEST_CASE("UniqueFd: moving hands the descriptor over and leaves nothing behind") {
    UniqueFd first = open_null();
    const int raw = first.get();
    UniqueFd second{std::move(first)};
    CHECK(second.get() == raw);
    CHECK_FALSE(first); // NOLINT(bugprone-use-after-move): that is the question
    CHECK(is_open(raw));
}

TEST_CASE("UniqueFd: assignment closes what was held before") {
    UniqueFd target = open_null();
    const int before = target.get();
    target = open_null();
    CHECK_FALSE(is_open(before));
    CHECK(is_open(target.get()));
}

TEST_CASE("UniqueFd: a released descriptor stays open") {
    UniqueFd fd = open_null();
    const int raw = fd.release();
    CHECK_FALSE(fd);
    CHECK(is_open(raw));
    ::close(raw);
}

} // namespace nat64::platform
