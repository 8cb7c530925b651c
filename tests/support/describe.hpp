// SPDX-License-Identifier: Apache-2.0
// A packet as one line for failure messages, in the manner of tshark, and a reader of its
// headers that does not use the program's parser. For packets that tests built or that the
// program made; says so where they do not make sense.
#pragma once

#include "tests/support/bytes.hpp"

#include <cstddef>
#include <string>

namespace nat64::test {

/// Where things are in a packet, as far as a plain reading finds them.
struct Layout {
    unsigned version = 0;
    std::size_t length = 0;    ///< by the length field
    std::size_t transport = 0; ///< offset
    unsigned protocol = 0;
    std::size_t fragment_offset = 0;
    bool more_fragments = false;
    std::size_t fragment_header = 0; ///< IPv6: offset, or 0
    std::uint32_t identification = 0;
    std::string problem; ///< why reading ended early; empty if it did not

    [[nodiscard]] bool is_fragment() const { return more_fragments || fragment_offset != 0; }
};

[[nodiscard]] Layout read_layout(View packet);

/// "IPv6 2001:db8::1 > 64:ff9b::c000:201 hl 64 len 148 | UDP 4000 > 53 len 108 sum 1a2b | 60
/// ..."
[[nodiscard]] std::string describe(View packet);

} // namespace nat64::test
