// SPDX-License-Identifier: Apache-2.0
// What the translator relies on in any backend, whatever it does inside: tested through
// NaptBackend alone and by what the backend says it is capable of.
#pragma once

#include "tests/backends/network.hpp"

namespace nat64::test {

/// Checks (with doctest) all rules that fit the backend's capabilities. `settings` must give at
/// least one address and be otherwise as usual.
void check_conformance(const NaptSettings& settings, const MakeBackend& make);

} // namespace nat64::test
