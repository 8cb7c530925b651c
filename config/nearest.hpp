// SPDX-License-Identifier: Apache-2.0
// "Did you mean ...?" for a mistyped word, by edit distance. Pure: the words come from the
// schema or from the choices of a key.
#pragma once

#include <span>
#include <string_view>

namespace nat64::config {

/// The word of `words` nearest to `word`; empty if none is near.
[[nodiscard]] std::string_view nearest_word(std::span<const std::string_view> words,
                                            std::string_view word);

} // namespace nat64::config
