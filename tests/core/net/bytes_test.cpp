// SPDX-License-Identifier: Apache-2.0
// Integers on the wire, at run time and at compile time, which are different code.
#include "core/net/bytes.hpp"
#include "tests/support/bytes.hpp"

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>

#include <doctest/doctest.h>

namespace nat64 {
namespace {

static_assert(Be16{0x1234}.value() == 0x1234);
static_assert(Be64{0x0102'0304'0506'0708}.value() == 0x0102'0304'0506'0708);
static_assert(std::bit_cast<std::array<std::uint8_t, 4>>(Be32{0x0a0b0c0d}) ==
              std::array<std::uint8_t, 4>{0x0a, 0x0b, 0x0c, 0x0d});

TEST_CASE(
    "RFC 791 appendix B: integers stand on the wire with the most significant byte first") {
    auto bytes = test::unhex("00 00 00 00 00");
    overlay<Be16>(std::span<std::byte>{bytes}, 1) = 0x1234;
    CHECK(test::hex(bytes) == "00 12 34 00 00");
    overlay<Be32>(std::span<std::byte>{bytes}, 1) = 0xa1b2c3d4;
    CHECK(test::hex(bytes) == "00 a1 b2 c3 d4");
    CHECK(overlay<Be32>(test::View{bytes}, 1).value() == 0xa1b2c3d4);
    CHECK(overlay<Be16>(test::View{bytes}, 3).value() == 0xc3d4);
}

} // namespace
} // namespace nat64
