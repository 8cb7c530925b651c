// SPDX-License-Identifier: Apache-2.0
// napt: kernel: what decides which inner address a client prefers. After a restart the
// addresses that have connections from before are kept for those who prefer them: that must
// come out the same as before, and no client may be able to look for an address of his own that
// prefers another's. This machine's id (machine-id(5)) stays, and nobody outside knows it.
#pragma once

#include "core/random.hpp"

#include <filesystem>

namespace nat64::daemon {

/// Of a machine without that file always the same. Never throws for what the file is.
[[nodiscard]] Secret inner_places(const std::filesystem::path& machine_id = "/etc/machine-id");

} // namespace nat64::daemon
