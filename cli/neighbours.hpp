// SPDX-License-Identifier: Apache-2.0
// Configurations of the programs beside nat64 on a gateway, which fit its own: DNS64 (unbound,
// BIND), routes that stop packets while it is not running (systemd-networkd), announcing its
// routes (FRR), a firewall that lets its traffic pass (nftables). Each begins with a comment
// that says where to put it and how to load it.
#pragma once

#include "config/config.hpp"

#include <iosfwd>
#include <vector>

namespace nat64::cli {

void print_unbound(const config::Config& config, std::ostream& out);
void print_bind(const config::Config& config, std::ostream& out);
void print_networkd(const config::Config& config, std::ostream& out);
void print_frr(const config::Config& config, std::ostream& out);
void print_nftables(const config::Config& config, std::ostream& out);

/// IPv4 ranges for which DNS64 should make up no AAAA record, because nat64 would not
/// translate it: sorted, none inside another.
[[nodiscard]] std::vector<Prefix4> unreachable_ranges(const config::Config& config);

} // namespace nat64::cli
