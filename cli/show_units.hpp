// SPDX-License-Identifier: Apache-2.0
// Quantities as a person reads them. Pure.
#pragma once

#include <cstdint>
#include <string>

namespace nat64::cli {

/// "0s", "59s", "4m12s", "2h03m", "3d04h": two units at most, cut down, not rounded.
[[nodiscard]] std::string human_duration(double seconds);

/// "999 B", "1.2 kB", "34.5 MB": decimal units, as networks count.
[[nodiscard]] std::string human_bytes(std::uint64_t bytes);

/// "1 session", "2 sessions".
[[nodiscard]] std::string human_count(std::uint64_t count, const std::string& noun);

} // namespace nat64::cli
