// SPDX-License-Identifier: Apache-2.0
// `nat64 doctor`: looks at this machine, the configuration and the running daemon as an
// operator would, and says of each thing whether it is in order and what to do if it is not.
// Changes nothing. Needs no daemon and no root; what it cannot see without them it says.
#pragma once

#include "config/config.hpp"

#include <filesystem>

namespace nat64::cli {

struct DoctorOptions {
    std::filesystem::path config;                    ///< -c; empty: the usual file, or none
    config::Profile profile = config::Profile::None; ///< --profile
    std::filesystem::path socket;                    ///< --socket; empty: the configuration's
    bool json = false;
};

/// 1 if something is found that keeps nat64 from working, otherwise 0.
int doctor(const DoctorOptions& options);

} // namespace nat64::cli
