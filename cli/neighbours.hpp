// SPDX-License-Identifier: Apache-2.0
// Configurations of the programs beside nat64 on a gateway, which fit its own: DNS64 (unbound,
// BIND), routes that stop packets while it is not running (systemd-networkd), announcing its
// routes (FRR), a firewall that lets its traffic pass (nftables). Each begins with a comment
// that says where to put it and how to load it.
#pragma once

#include "config/config.hpp"

#include <cstdint>
#include <iosfwd>
#include <vector>

namespace nat64::cli {

void print_unbound(const config::Config& config, std::ostream& out);
void print_bind(const config::Config& config, std::ostream& out);
void print_networkd(const config::Config& config, std::ostream& out);
void print_frr(const config::Config& config, std::ostream& out);
void print_nftables(const config::Config& config, std::ostream& out);

/// Should DNS64 make up AAAA records for these addresses?
enum class Synthesis : std::uint8_t { Yes, No };

struct SynthesisRule {
    Prefix4 prefix;
    Synthesis synthesis = Synthesis::Yes;

    friend bool operator==(const SynthesisRule&, const SynthesisRule&) = default;
};

/// Which IPv4 addresses nat64 would not translate, as a list whose first match decides (no
/// match: it would). Rules of the configuration about single protocols or ports are not for a
/// DNS64 to know.
[[nodiscard]] std::vector<SynthesisRule> synthesis_rules(const config::Config& config);

} // namespace nat64::cli
