// SPDX-License-Identifier: Apache-2.0
// Completions for bash, zsh and fish, made from the table of verbs and the options that each
// declares: what `nat64 VERB --help` shows is what the shells complete. The name of an
// option's value says how to complete it: `FILE`, `PATH`, `IN` and `OUT` are files, `tcp|udp`
// are words to choose from, anything else is the person's.
#pragma once

#include <iosfwd>

namespace nat64::cli {

void print_bash_completion(std::ostream& out);
void print_zsh_completion(std::ostream& out);
void print_fish_completion(std::ostream& out);

} // namespace nat64::cli
