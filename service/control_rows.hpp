// SPDX-License-Identifier: Apache-2.0
// One row of a listing as the JSON value that docs/control-protocol.md describes. Rows are
// formatted by the million, so they are printed straight and not built as trees; nothing in
// them needs escaping. Pure.
#pragma once

#include "core/counters.hpp"
#include "core/napt_backend.hpp"

#include <string>

namespace nat64::service {

[[nodiscard]] std::string to_json(const BindingRow& row);
[[nodiscard]] std::string to_json(const SessionRow& row);
[[nodiscard]] std::string to_json(const PoolRow& row);
/// A row of `show drops`.
/// The ports and bindings of a client are left out where nobody counts them.
enum class ClientMembers : std::uint8_t { SessionsOnly, All };

[[nodiscard]] std::string to_json(const ClientRow& row, ClientMembers members);
[[nodiscard]] std::string to_json(DropReason reason, std::uint64_t packets);

} // namespace nat64::service
