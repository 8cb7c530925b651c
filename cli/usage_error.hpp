// SPDX-License-Identifier: Apache-2.0
// A command line that cannot be obeyed: exit code 2. Its text says what would be right. Thrown
// by verbs, caught in main().
#pragma once

#include <stdexcept>

namespace nat64::cli {

class UsageError : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

} // namespace nat64::cli
