// SPDX-License-Identifier: Apache-2.0
#include "daemon/inner_places.hpp"

#include <fstream>
#include <iomanip>
#include <span>
#include <string>

namespace nat64::daemon {

namespace {

/// machine-id(5): the id itself is not for use, a keyed hash of it is.
constexpr Secret kUpper{0x6e61'7436'3420'696e, 0x6e65'7220'706f'6f6c};
constexpr Secret kLower{0x6e61'7436'3420'706c, 0x6163'6573'206f'6620};
constexpr int kDigits = 32;

} // namespace

Secret inner_places(const std::filesystem::path& machine_id) {
    std::ifstream file{machine_id};
    std::string id;
    file >> std::setw(kDigits) >> id;
    const auto bytes = std::as_bytes(std::span{id});
    return {siphash24(kUpper, bytes), siphash24(kLower, bytes)};
}

} // namespace nat64::daemon
