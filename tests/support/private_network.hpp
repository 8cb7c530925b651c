// SPDX-License-Identifier: Apache-2.0
// Runs a function in a network namespace of its own, with all rights there, and brings back the
// text it made. Needs no root where unprivileged user namespaces are allowed.
#pragma once

#include <functional>
#include <optional>
#include <string>

namespace nat64::test {

/// nullopt, with a message to doctest, where the machine does not allow it. What `work` throws
/// comes back as "threw: ...".
[[nodiscard]] std::optional<std::string>
in_private_network(const std::function<std::string()>& work);

/// What a shell command prints on both outputs, and "exit N" behind it unless N is 0.
[[nodiscard]] std::string output_of(const std::string& command);

/// Whether the shell finds this program.
[[nodiscard]] bool have_program(const std::string& name);

} // namespace nat64::test
