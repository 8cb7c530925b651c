// SPDX-License-Identifier: Apache-2.0
// A table in the language of nft(8): for `nat64 check --nft`, for error messages, and for
// tests that let nft itself judge it. Pure.
#pragma once

#include "backends/kernel/nft_types.hpp"

#include <string>

namespace nat64::kernel::nft {

/// What `nft -f` reads.
[[nodiscard]] std::string to_text(const Table& table);

/// One line without its end, as in `iifname "nat64" counter drop`.
[[nodiscard]] std::string to_text(const Rule& rule);

} // namespace nat64::kernel::nft
