// SPDX-License-Identifier: Apache-2.0
// `nat64 generate WHAT`: prints a file for another program that fits this nat64 and its
// configuration: a DNS64 for its prefix, its routes, a firewall that lets it work, completions
// for a shell, a schema for an editor. It reads the configuration only, never the machine, and
// writes to standard output only.
#pragma once

#include "config/config.hpp"

#include <cstdint>
#include <iosfwd>
#include <span>
#include <string>
#include <string_view>

namespace nat64::cli {

/// Does the output depend on the configuration? If not, none is read.
enum class Reads : std::uint8_t { Configuration, Nothing };

struct Generator {
    const char* name;
    const char* help;
    Reads reads;
    void (*print)(const config::Config& config, std::ostream& out);
};

/// What there is; in the order of the documentation.
[[nodiscard]] std::span<const Generator> generators() noexcept;

/// nullptr if there is none of that name.
[[nodiscard]] const Generator* find_generator(std::string_view name) noexcept;

/// "unbound|bind|…"
[[nodiscard]] std::string generator_names();

} // namespace nat64::cli
