// SPDX-License-Identifier: Apache-2.0
// Which NAPT backends there are, by the name that `napt:` has for them. The daemon looks one up
// here and knows it only as NaptBackend. Backends know nothing of the configuration but
// NaptSettings.
#pragma once

#include "core/counters.hpp"
#include "core/napt_backend.hpp"
#include "core/napt_settings.hpp"
#include "core/random.hpp"

#include <memory>
#include <span>
#include <string_view>

namespace nat64::backends {

/// Counters and Rng must outlive the backend.
using BackendFactory = std::unique_ptr<NaptBackend> (*)(const NaptSettings& settings,
                                                        Counters& counters,
                                                        Rng& rng);

struct BackendEntry {
    std::string_view name; ///< as `napt:` has it: "daemon"
    BackendFactory make;
};

/// All backends of this build.
[[nodiscard]] std::span<const BackendEntry> backends() noexcept;

/// Throws std::invalid_argument for a name that is not in the table, and what the backend's
/// constructor throws.
[[nodiscard]] std::unique_ptr<NaptBackend>
make_backend(std::string_view name, const NaptSettings& settings, Counters& counters, Rng& rng);

} // namespace nat64::backends
