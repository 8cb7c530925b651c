// SPDX-License-Identifier: Apache-2.0
// The books of a running translator, looked at from outside: does everything that was handed
// over appear somewhere, and does what a backend lists agree with itself? Each function answers
// with what is wrong, or with nothing. Works through NaptBackend only, so for every backend.
#pragma once

#include "core/counters.hpp"
#include "core/napt_backend.hpp"

#include <cstdint>
#include <string>

namespace nat64::test {

/// Packets received that are neither translated nor dropped: those that are held now. (A packet
/// that is hairpinned is translated twice.)
[[nodiscard]] std::int64_t unaccounted(const Counters& counters);

/// in = out + replies + drops + held, and nothing was emitted that is not counted.
[[nodiscard]] std::string check_books(const Counters& counters, std::uint64_t emitted);

/// The books for a person: what came, what became of it.
[[nodiscard]] std::string books(const Counters& counters);

/// Every binding and session that the backend lists: no two bindings share a transport address,
/// each is found from both sides, sessions belong to bindings and are as many as counted, no
/// session has more time left than its lifetime, ports in use are those of bindings, what was
/// created and not deleted is there.
[[nodiscard]] std::string audit(const NaptBackend& backend,
                                const NaptSettings& settings,
                                const Counters& counters,
                                Clock::time_point now);

} // namespace nat64::test
