// SPDX-License-Identifier: Apache-2.0
// What our own process uses of the machine, from /proc/self: the numbers that every Prometheus
// client reports under the same names. What cannot be read is left out. Its files are opened
// once: a process that is confined opens none later (ADR 0028).
#pragma once

#include "platform/unique_fd.hpp"

#include <memory>
#include <optional>

#include <dirent.h>

namespace nat64::service {

struct ProcessUse {
    std::optional<double> cpu_seconds;
    std::optional<double> start_time; ///< seconds since 1970
    std::optional<double> resident_bytes;
    std::optional<double> virtual_bytes;
    std::optional<double> open_fds;
    std::optional<double> max_fds;
};

class ProcessFiles {
public:
    /// Of this process: not to be taken across a fork.
    ProcessFiles();

    [[nodiscard]] ProcessUse read() const;

private:
    struct CloseDirectory {
        void operator()(DIR* directory) const noexcept { ::closedir(directory); }
    };

    [[nodiscard]] std::optional<double> count_fds() const;

    platform::UniqueFd stat_;
    std::unique_ptr<DIR, CloseDirectory> fds_;
    std::optional<double> boot_time_; ///< of the machine, in seconds since 1970
    std::optional<double> max_fds_;
};

} // namespace nat64::service
