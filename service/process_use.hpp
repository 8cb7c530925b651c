// SPDX-License-Identifier: Apache-2.0
// What our own process uses of the machine, from /proc/self: the numbers that every Prometheus
// client reports under the same names. What cannot be read is left out.
#pragma once

#include <optional>

namespace nat64::service {

struct ProcessUse {
    std::optional<double> cpu_seconds;
    std::optional<double> start_time; ///< seconds since 1970
    std::optional<double> resident_bytes;
    std::optional<double> virtual_bytes;
    std::optional<double> open_fds;
    std::optional<double> max_fds;
};

[[nodiscard]] ProcessUse process_use();

} // namespace nat64::service
