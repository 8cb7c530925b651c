// SPDX-License-Identifier: Apache-2.0
// What every verb's exit code means; the man page says it to users.
#pragma once

namespace nat64::cli {

inline constexpr int kDone = 0;
inline constexpr int kFailed = 1; ///< at run time
inline constexpr int kUsage = 2;  ///< of the command line or in the configuration

} // namespace nat64::cli
