// SPDX-License-Identifier: Apache-2.0
// The table.
#include "cli/generate.hpp"

#include "cli/completion.hpp"
#include "cli/json_schema.hpp"
#include "cli/neighbours.hpp"

#include <algorithm>
#include <array>
#include <ostream>
#include <string_view>

#include <boost/json.hpp>

namespace nat64::cli {

namespace {

using config::Config;

constexpr std::array kGenerators = std::to_array<Generator>({
    {"unbound", "DNS64 for the prefix", Reads::Configuration, print_unbound},
    {"bind", "DNS64 for the prefix", Reads::Configuration, print_bind},
    {"networkd",
     "fallback routes for when nat64 is not running",
     Reads::Configuration,
     print_networkd},
    {"frr", "route maps that announce prefix and pool", Reads::Configuration, print_frr},
    {"nftables",
     "forward rules that let nat64's traffic pass",
     Reads::Configuration,
     print_nftables},
    {"json-schema",
     "the configuration's schema, for editors",
     Reads::Nothing,
     [](const Config& /*config*/, std::ostream& out) { out << json_schema() << '\n'; }},
    {"bash",
     "completion",
     Reads::Nothing,
     [](const Config& /*config*/, std::ostream& out) { print_bash_completion(out); }},
    {"zsh",
     "completion",
     Reads::Nothing,
     [](const Config& /*config*/, std::ostream& out) { print_zsh_completion(out); }},
    {"fish",
     "completion",
     Reads::Nothing,
     [](const Config& /*config*/, std::ostream& out) { print_fish_completion(out); }},
});

} // namespace

std::span<const Generator> generators() noexcept {
    return kGenerators;
}

const Generator* find_generator(std::string_view name) noexcept {
    const auto* const row = std::ranges::find(kGenerators, name, &Generator::name);
    return row == kGenerators.end() ? nullptr : row;
}

std::string generator_names() {
    std::string names;
    for (const auto& row : kGenerators)
        names += (names.empty() ? "" : "|") + std::string{row.name};
    return names;
}

} // namespace nat64::cli
