// SPDX-License-Identifier: Apache-2.0
#include "backends/kernel/free_ports.hpp"

#include <string>

#include <doctest/doctest.h>

namespace nat64::kernel {

namespace {

constexpr PortRange range(unsigned first, unsigned last) {
    return {Port{static_cast<std::uint16_t>(first)}, Port{static_cast<std::uint16_t>(last)}};
}

std::string left(PortRange within, std::initializer_list<unsigned> taken) {
    std::vector<Port> ports;
    for (const auto port : taken)
        ports.emplace_back(static_cast<std::uint16_t>(port));
    std::string text;
    for (const auto& free : free_ranges(within, ports))
        text +=
            std::to_string(free.first.value()) + '-' + std::to_string(free.last.value()) + ' ';
    return text;
}

} // namespace

TEST_CASE("shared ports: the machine's services leave the ranges between them") {
    constexpr auto kAll = range(32768, 65535);
    CHECK(left(kAll, {}) == "32768-65535 ");
    CHECK(left(kAll, {22, 53, 9651}) == "32768-65535 ");
    CHECK(left(kAll, {22, 51820}) == "32768-51819 51821-65535 ");
    CHECK(left(kAll, {32768, 65535}) == "32769-65534 ");
    CHECK(left(kAll, {40000, 40064, 40130}) == "32768-39999 40065-40129 40131-65535 ");
    CHECK(left(range(1, 65535), {1}) == "2-65535 ");
}

TEST_CASE("shared ports: nothing is left where services take everything") {
    CHECK(left(range(1000, 1063), {}) == "1000-1063 ");
    CHECK(left(range(1000, 1063), {1030}).empty());
    CHECK(left(range(1000, 1127), {1000}) == "1001-1127 ");
}

TEST_CASE("shared ports: of many gaps the widest are used, in order") {
    std::vector<Port> every100;
    for (unsigned port = 40000; port <= 60000; port += 100)
        every100.emplace_back(static_cast<std::uint16_t>(port));
    const auto ranges = free_ranges(range(32768, 65535), every100);
    REQUIRE(ranges.size() == kMostRanges);
    CHECK(ranges.front() == range(32768, 39999));
    CHECK(ranges.back() == range(60001, 65535));
}

} // namespace nat64::kernel
