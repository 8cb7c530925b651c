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

/// "0", "0.4", "12", "1.2 k", "34.5 M": how much a second, to be read at a glance.
[[nodiscard]] std::string human_rate(double rate);

/// "12,345,678": a whole number.
[[nodiscard]] std::string grouped(double count);

} // namespace nat64::cli
