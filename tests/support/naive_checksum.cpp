// SPDX-License-Identifier: Apache-2.0
// Builds the pseudo-headers of RFC 9293 §3.1 and RFC 8200 §8.1 as bytes and sums them like
// anything else.
#include "tests/support/naive_checksum.hpp"

#include "tests/support/bytes.hpp"

#include <cstddef>
#include <cstdint>

namespace nat64::test {

std::uint16_t naive_sum(View bytes, std::uint16_t start) {
    std::uint32_t sum = start;
    for (std::size_t i = 0; i < bytes.size(); i += 2) {
        const unsigned low = i + 1 < bytes.size() ? get8(bytes, i + 1) : 0;
        sum += static_cast<std::uint32_t>(get8(bytes, i) << 8) | low;
        if (sum > 0xffff) sum -= 0xffff;
    }
    return static_cast<std::uint16_t>(sum);
}

std::uint16_t naive_checksum(View bytes, std::uint16_t start) {
    return static_cast<std::uint16_t>(~naive_sum(bytes, start));
}

std::uint16_t naive_pseudo_sum(View ip, std::uint8_t protocol, std::size_t length) {
    const bool v4 = get8(ip, 0) >> 4 == 4;
    Bytes pseudo;
    append(pseudo, v4 ? ip.subspan(12, 8) : ip.subspan(8, 32));
    append32(pseudo, static_cast<std::uint32_t>(length));
    append32(pseudo, protocol);
    return naive_sum(pseudo);
}

} // namespace nat64::test
