// SPDX-License-Identifier: Apache-2.0
#include "service/in_quotes.hpp"

#include <cstddef>

namespace nat64::service {

std::string in_quotes(std::string_view text) {
    constexpr std::size_t kLongest = 40;
    std::string out = "\"";
    for (const char c : text.substr(0, kLongest))
        out += c >= ' ' && c <= '~' && c != '"' && c != '\\' ? c : '?';
    return out + (text.size() > kLongest ? "...\"" : "\"");
}

} // namespace nat64::service
