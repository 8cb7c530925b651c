// SPDX-License-Identifier: Apache-2.0
// The rules for `static`: entries lie in the pool, belong to hosts that may have a binding,
// and do not contradict one another, so that each transport address has one binding at most.
#pragma once

#include "config/reader.hpp"

namespace nat64::config {

void check_statics(Reader& reader);

} // namespace nat64::config
