// SPDX-License-Identifier: Apache-2.0
#include "platform/netlink_datagram.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <span>

#include <doctest/doctest.h>

namespace nat64::platform {

namespace {

/// How many messages are seen in `size` bytes of messages that say these lengths, each laid
/// where the one before ends; a length that does not fit is the last.
int seen_in(std::size_t size, std::initializer_list<std::uint32_t> lengths) {
    alignas(nlmsghdr) std::array<std::byte, 64> bytes{};
    std::size_t at = 0;
    for (const auto length : lengths) {
        void* const start = &bytes.at(at);
        static_cast<nlmsghdr*>(start)->nlmsg_len = length;
        at += NLMSG_ALIGN(std::size_t{length});
    }
    int seen = 0;
    each_message(std::span<const std::byte>{bytes}.first(size),
                 [&](const nlmsghdr&) { ++seen; });
    return seen;
}

} // namespace

TEST_CASE("netlink: a datagram is cut into its messages, each with its padding") {
    CHECK(seen_in(56, {16, 20, 18}) == 3);
    CHECK(seen_in(54, {16, 20, 18}) == 2);
    CHECK(seen_in(36, {17, 16}) == 2);
    CHECK(seen_in(0, {16}) == 0);
    CHECK(seen_in(15, {16}) == 0);
}

TEST_CASE("netlink: a length that cannot be right ends a datagram, none is read for ever") {
    for (const std::uint32_t length :
         {0U, 1U, 15U, 49U, 0x7fffffffU, 0x80000000U, 0xffffffffU}) {
        CAPTURE(length);
        CHECK(seen_in(64, {16, length}) == 1);
    }
}

} // namespace nat64::platform
