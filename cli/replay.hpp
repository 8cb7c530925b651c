// SPDX-License-Identifier: Apache-2.0
// `nat64 replay`: runs a capture with packets of both sides through the whole data path, with
// the capture's own clock, and writes what would have left, when it would have left. No root,
// no TUN; the same seed gives the same file.
#pragma once

#include "config/config.hpp"
#include "core/rfc7915/rfc7915.hpp"

#include <cstdint>
#include <filesystem>
#include <iosfwd>

namespace nat64::cli {

struct ReplayOptions {
    std::filesystem::path input;
    std::filesystem::path output;
    rfc7915::HopPolicy hop_policy = rfc7915::HopPolicy::Decrement;
    Clock::duration run_on{}; ///< --until: how long the clock runs on behind the last packet
    std::uint64_t seed = 1;
    bool json = false;
};

/// "+10s" of --until. Throws UsageError.
[[nodiscard]] Clock::duration parse_until(const std::string& text);

/// Prints the summary to `summary`. Throws UsageError, CaptureError.
void replay(const ReplayOptions& options, const config::Config& config, std::ostream& summary);

} // namespace nat64::cli
