// SPDX-License-Identifier: Apache-2.0
// Hexadecimal text of byte strings and back, and the pattern that test payloads are made of.
#include "tests/support/bytes.hpp"

#include <cstddef>
#include <stdexcept>
#include <string>
#include <string_view>

namespace nat64::test {

namespace {

unsigned digit(char c) {
    constexpr std::string_view kDigits = "0123456789abcdef";
    const auto at = kDigits.find(c);
    if (at == std::string_view::npos) throw std::invalid_argument{"unhex: not a digit"};
    return static_cast<unsigned>(at);
}

} // namespace

void append(Bytes& to, View more) {
    to.insert(to.end(), more.begin(), more.end());
}

Bytes padded(View bytes, std::size_t unit) {
    Bytes result{bytes.begin(), bytes.end()};
    while (result.size() % unit != 0)
        result.push_back(std::byte{0});
    return result;
}

Bytes unhex(std::string_view text) {
    std::string digits;
    for (const char c : text)
        if (c != ' ' && c != '\n') digits += c;
    if (digits.size() % 2 != 0) throw std::invalid_argument{"unhex: odd number of digits"};
    Bytes bytes;
    for (std::size_t i = 0; i < digits.size(); i += 2)
        append8(bytes, digit(digits[i]) << 4 | digit(digits[i + 1]));
    return bytes;
}

std::string hex(View bytes, std::size_t limit) {
    constexpr std::string_view kDigits = "0123456789abcdef";
    std::string text;
    for (std::size_t i = 0; i < bytes.size() && i < limit; ++i) {
        if (i != 0) text += ' ';
        text += kDigits[get8(bytes, i) >> 4U];
        text += kDigits[get8(bytes, i) & 0xfU];
    }
    return bytes.size() > limit ? text + " ..." : text;
}

Bytes pattern(std::size_t size, unsigned first) {
    Bytes bytes;
    bytes.reserve(size);
    for (std::size_t i = 0; i < size; ++i)
        append8(bytes, first + static_cast<unsigned>(i));
    return bytes;
}

} // namespace nat64::test
