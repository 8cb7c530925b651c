// SPDX-License-Identifier: Apache-2.0
// RFC 7050: what a resolver that does DNS64 answers for ipv4only.arpa, a name that has IPv4
// addresses only: IPv6 addresses inside the prefix it makes them up with. Asks the resolvers
// of /etc/resolv.conf and gives them a few seconds.
#pragma once

#include "cli/doctor_facts.hpp"

namespace nat64::cli {

[[nodiscard]] Dns64Facts ask_for_ipv4only_arpa();

/// The prefixes under which `address` may stand for 192.0.0.170 or 192.0.0.171; RFC 7050
/// has them looked for at each place RFC 6052 allows.
[[nodiscard]] std::vector<Prefix6> prefixes_in(const Ipv6Addr& address);

} // namespace nat64::cli
